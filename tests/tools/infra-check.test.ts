import { expect, test } from 'vitest';
import operations from '../../docs/data-model.json' with { type: 'json' };
import { functions } from '../../functions/index.ts';
import { partOf } from '../../shared/platform/parts.ts';
import { appSettings } from '../../tools/infra-check/app-settings.ts';
import { findings } from '../../tools/infra-check/rules.ts';
import { readTemplates } from '../../tools/infra-check/templates.ts';
import { literalOf } from '../../tools/infra-check/value.ts';
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
    expect(Object.keys(settings)).toEqual(
      expect.arrayContaining(['COSMOS_DATABASE', 'ANTHROPIC_API_KEY', 'LYCEUM_PART']),
    );
});

test("what lets people in is the API's alone", () => {
  const secretsOf = (app: string) => {
    const of = appSettings(templates).known.filter((one) => one.app === app);
    const names = of.flatMap(({ settings }) => Object.keys(settings));
    return names.filter((name) => /^JWT_|^BOOTSTRAP_ADMIN|_CLIENT_SECRET$/.test(name));
  };
  expect(secretsOf('api')).toContain('JWT_SECRET');
  expect(secretsOf('worker')).toEqual([]);
});

test('the worker may reach the containers that its functions were seen to touch, and no others', () => {
  const ofWorker = functions.filter((item) => partOf(item) === 'worker').map((item) => item.name);
  const touched = operations.filter(({ operation }) => ofWorker.includes(operation));
  expect(touched.map(({ operation }) => operation).sort()).toEqual(ofWorker.sort());
  const cosmos = templates.files.find((file) => file.path === 'infra/modules/cosmos.bicep');
  const granted = cosmos?.variables.find(({ name }) => name === 'workerContainers')?.value;
  const names = granted?.kind === 'array' ? granted.items.map(literalOf) : [];
  expect(names.sort()).toEqual([...new Set(touched.flatMap(({ containers }) => containers))].sort());
});
