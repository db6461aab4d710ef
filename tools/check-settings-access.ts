/** Only `shared/platform/config.ts` may read the environment, so that every setting is parsed, documented and reported. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from './run-command.ts';
import { findEnvironmentAccess } from './settings-access.ts';

const allowed = join('shared', 'platform', 'config.ts');

let count = 0;
for (const path of globSync('{functions,shared}/**/*.ts', { cwd: projectRoot })) {
  if (path === allowed) continue;
  for (const { line, text } of findEnvironmentAccess(path, readFileSync(join(projectRoot, path), 'utf8'))) {
    count += 1;
    console.error(`${path}:${line}: ${text}`);
  }
}
if (count > 0) {
  console.error(`Read settings from the configuration object that ${allowed} makes, not from the environment.`);
  process.exitCode = 1;
}
