import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { connectionSettings, laptopSettings, mergeSettings, readLocalSettings } from '../../local/app-settings.ts';
import { loadConfig, settingsSchema } from '../../shared/platform/config.ts';
import { projectRoot } from '../../tools/run-command.ts';

const ports = { functions: 1, cosmos: 2, serviceBus: 3, azurite: 4, webPubSub: 5 };
const secrets = {
  jwt_secret: 'k'.repeat(64),
  data_encryption_key: 'd'.repeat(64),
  admin_password: 'a-password',
  demo_password: 'another-one',
};
const keys = { JWT_SECRET: secrets.jwt_secret, DATA_ENCRYPTION_KEY: secrets.data_encryption_key };
const stack = { connections: connectionSettings(ports), laptop: laptopSettings(secrets, 'lyceum', '/data/mailbox') };

describe('local.settings.example.json', () => {
  const settings = readLocalSettings(join(projectRoot, 'local.settings.example.json'));

  test('names every setting that there is, and none that there is not', () => {
    const ofTheHost = ['FUNCTIONS_WORKER_RUNTIME', 'AzureWebJobsDisableHomepage'];
    expect(Object.keys(settings).sort()).toEqual([...ofTheHost, ...Object.keys(settingsSchema.shape)].sort());
  });

  test('is enough to start once a token key is filled in', () => {
    expect(() => loadConfig(settings)).toThrow(/JWT_SECRET/);
    expect(loadConfig({ ...settings, ...keys }).LYCEUM_ENVIRONMENT).toBe('local');
  });

  test('holds no secret', () => {
    expect(settings['JWT_SECRET']).toBe('');
    expect(Object.entries(settings).filter(([name, value]) => name.endsWith('_API_KEY') && value !== '')).toEqual([]);
  });

  test('is described in docs/settings.md', () => {
    const text = readFileSync(join(projectRoot, 'docs/settings.md'), 'utf8');
    for (const name of Object.keys(settingsSchema.shape)) expect(text).toContain(`\`${name}\``);
  });
});

describe('the settings of a local run', () => {
  test('without any given are complete', () => {
    const { settings, ownStandIns } = mergeSettings({}, {}, stack);
    expect(loadConfig(settings).JWT_SECRET).toBe(secrets.jwt_secret);
    expect(ownStandIns).toEqual(['CosmosConnection', 'ServiceBusConnection', 'AzureWebJobsStorage']);
  });

  test('take the environment before the file and the file before the stack', () => {
    const file = { LOG_LEVEL: 'warn', CORS_ORIGINS: 'https://file.example.org' };
    const { settings } = mergeSettings({ LOG_LEVEL: 'error' }, file, stack);
    expect(settings).toMatchObject({
      LOG_LEVEL: 'error',
      CORS_ORIGINS: 'https://file.example.org',
      COSMOS_DATABASE: 'lyceum',
    });
  });

  test('take an empty value for none', () => {
    expect(mergeSettings({ JWT_SECRET: '' }, {}, stack).settings['JWT_SECRET']).toBe(secrets.jwt_secret);
  });

  test('use a connection to another machine as it is, and leave its stand-in out', () => {
    const cloud = 'AccountEndpoint=https://school.documents.azure.com/;AccountKey=a2V5';
    const { settings, ownStandIns } = mergeSettings({}, { CosmosConnection: cloud }, stack);
    expect(settings['CosmosConnection']).toBe(cloud);
    expect(ownStandIns).not.toContain('CosmosConnection');
  });

  test('use a connection by identity as it is, and leave its stand-in out', () => {
    const file = { ServiceBusConnection__fullyQualifiedNamespace: 'school.servicebus.windows.net' };
    const { settings, ownStandIns } = mergeSettings({}, file, stack);
    expect(settings['ServiceBusConnection']).toBeUndefined();
    expect(ownStandIns).not.toContain('ServiceBusConnection');
  });

  test("replace a connection to this machine by the stack's own, because it names another run's port", () => {
    const file = { CosmosConnection: 'AccountEndpoint=http://127.0.0.1:8081/;AccountKey=a2V5' };
    expect(mergeSettings({}, file, stack).settings['CosmosConnection']).toBe(stack.connections['CosmosConnection']);
  });

  test.each(['{', '{"Values":[1]}', '{"Values":{"A":1}}', '{"Values":null}'])(
    'refuse a file that is %s',
    async (text) => {
      const folder = await mkdtemp(join(tmpdir(), 'lyceum settings '));
      const path = join(folder, 'local.settings.json');
      await writeFile(path, text);
      expect(() => readLocalSettings(path)).toThrow(/must be JSON of the form/);
      await rm(folder, { recursive: true, force: true });
    },
  );
});
