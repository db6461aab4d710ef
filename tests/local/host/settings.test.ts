import { expect, test } from 'vitest';
import { AppSettings, readHostConfig } from '../../../local/host/settings.ts';

const hostJson = {
  functionTimeout: '00:10:00',
  extensions: { http: { routePrefix: '' }, serviceBus: { maxConcurrentCalls: 8, autoCompleteMessages: true } },
};

const read = (settings: Record<string, string>, file: unknown = hostJson) =>
  readHostConfig(file, new AppSettings(settings));

test('an app setting takes the place of a member of host.json, without regard to case', () => {
  const config = read({
    AzureFunctionsJobHost__extensions__serviceBus__maxConcurrentCalls: '64',
    AZUREFUNCTIONSJOBHOST__EXTENSIONS__SERVICEBUS__AUTOCOMPLETEMESSAGES: 'False',
    AzureFunctionsJobHost__functionTimeout: '00:00:30',
  });
  expect(config.serviceBus).toMatchObject({ maxConcurrentCalls: 64, autoCompleteMessages: false });
  expect(config.functionTimeoutMs).toBe(30_000);
  expect(config.routePrefix).toBe('');
});

test('an app setting may name what host.json leaves out, and leaves the file itself alone', () => {
  const file = { extensions: {} };
  const name = 'AzureFunctionsJobHost__extensions__serviceBus__maxConcurrentCalls';
  expect(read({ [name]: '3' }, file).serviceBus.maxConcurrentCalls).toBe(3);
  expect(file).toEqual({ extensions: {} });
});

test('other app settings change nothing', () => {
  expect(read({ extensions__serviceBus__maxConcurrentCalls: '64' }).serviceBus.maxConcurrentCalls).toBe(8);
});
