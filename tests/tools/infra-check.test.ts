import { expect, test } from 'vitest';
import { appSettings } from '../../tools/infra-check/app-settings.ts';
import { findings } from '../../tools/infra-check/rules.ts';
import { readTemplates } from '../../tools/infra-check/templates.ts';
import { projectRoot } from '../../tools/run-command.ts';

const templates = await readTemplates(projectRoot);

test('the templates keep every rule', () => {
  expect(findings(templates).map(({ rule, path, line, text }) => `${path}:${line}: ${text} [${rule}]`)).toEqual([]);
});

test('the templates that are read are all that there are', () => {
  expect(templates.files.map((file) => file.path)).toEqual(
    expect.arrayContaining(['infra/main.bicep', 'infra/modules/functions.bicep', 'infra/modules/cosmos.bicep']),
  );
  expect(templates.parameterFiles.map((file) => file.path)).toContain('infra/prod.bicepparam');
});

test('the settings of both apps are worked out for every parameter file of the product', () => {
  const { known, unknown } = appSettings(templates);
  expect(unknown).toEqual([]);
  const files = templates.parameterFiles.filter((file) => file.using === 'main.bicep');
  expect(files.length).toBeGreaterThanOrEqual(3);
  for (const app of ['api', 'worker'])
    expect(known.filter((k) => k.app === app).map((k) => k.parameterFile)).toEqual(files);
  for (const { settings } of known)
    expect(Object.keys(settings)).toEqual(expect.arrayContaining(['COSMOS_DATABASE', 'JWT_SECRET', 'LYCEUM_PART']));
});
