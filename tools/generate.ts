/**
 * `npm run generate`: docs/openapi.json, docs/endpoints.md, docs/permissions.md, docs/queries.md, docs/settings.md, the table of
 * docs/data-model.md, client/lyceum.ts and infra/functions.json, from the declarations. `--check` writes nothing and fails when
 * a file is not what would be written.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { functions } from '../functions/index.ts';
import { buildOpenApi } from '../shared/platform/openapi.ts';
import { renderManifest } from './function-manifest.ts';
import { renderClient } from './generate/client.ts';
import { renderDataModel } from './generate/data-model.ts';
import { renderEndpoints } from './generate/endpoints.ts';
import { renderPermissions } from './generate/permissions.ts';
import { renderQueries } from './generate/queries.ts';
import { renderSettings } from './generate/settings.ts';
import { projectRoot } from './run-command.ts';

const endpoints = functions.filter((item) => item.kind === 'endpoint');
const openapi = buildOpenApi(endpoints);

const files: Record<string, () => string | Promise<string>> = {
  'infra/functions.json': renderManifest,
  'docs/openapi.json': () => `${JSON.stringify(openapi, null, 2)}\n`,
  'docs/endpoints.md': () => renderEndpoints(functions),
  'docs/permissions.md': () => renderPermissions(functions),
  'docs/queries.md': renderQueries,
  'docs/settings.md': renderSettings,
  'docs/data-model.md': () => renderDataModel(readFileSync(join(projectRoot, 'docs/data-model.md'), 'utf8')),
  'client/lyceum.ts': () => renderClient(endpoints, openapi),
};

const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });
const stale: string[] = [];
for (const [file, render] of Object.entries(files)) {
  const path = join(projectRoot, file);
  const wanted = await render();
  const present = existsSync(path) ? readFileSync(path, 'utf8') : undefined;
  if (present === wanted) continue;
  if (values.check) stale.push(file);
  else writeFileSync(path, wanted);
}
if (stale.length > 0) {
  console.error(`Not what the declarations say: ${stale.join(', ')}. Run npm run generate.`);
  process.exitCode = 1;
}
