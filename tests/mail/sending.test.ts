import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { EmailMessage } from '../../shared/adapters/email/types.ts';
import { loadConfig } from '../../shared/platform/config.ts';
import { createRuntime, type RuntimeOverrides } from '../../shared/services.ts';

const message: EmailMessage = { to: 'ann@example.org', subject: 's', text: 't', html: 'h', messageId: 'one' };

/** Sends one e-mail the way that the settings say; returns what was logged. */
async function send(settings: Record<string, string>, overrides: RuntimeOverrides = {}): Promise<string[]> {
  const log: string[] = [];
  const config = loadConfig({
    CosmosConnection: 'AccountEndpoint=http://127.0.0.1:1/;AccountKey=eA==;',
    ServiceBusConnection:
      'Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=a;SharedAccessKey=b;UseDevelopmentEmulator=true;',
    AzureWebJobsStorage: 'UseDevelopmentStorage=true',
    JWT_SECRET: 'k'.repeat(32),
    DATA_ENCRYPTION_KEY: 'k'.repeat(32),
    LLM_ALLOW_SIMULATOR: 'true',
    ...settings,
  });
  const runtime = createRuntime(config, { writeLog: (line) => log.push(line), ...overrides });
  try {
    await runtime.services.email.send(message);
  } finally {
    await runtime.close();
  }
  return log;
}

test('an installation without a sender starts, says so once, and refuses every e-mail with the missing setting', async () => {
  const log: string[] = [];
  const work = send({}, { writeLog: (line) => log.push(line) });
  await expect(work).rejects.toThrow('E-mails cannot be sent: EMAIL_ENDPOINT is not set');
  expect(log.filter((line) => line.includes('email_not_configured'))).toHaveLength(1);
});

test('a laptop writes e-mails to its folder', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lyceum mail '));
  const log = await send({ LYCEUM_ENVIRONMENT: 'local', EMAIL_FOLDER: folder });
  // No database runs here, which the limits notice.
  expect(log.filter((line) => line.includes('email'))).toEqual([]);
  expect(await readdir(folder)).toHaveLength(1);
  await rm(folder, { recursive: true, force: true });
});

test('what a test puts in place of the sender is used', async () => {
  const sent: EmailMessage[] = [];
  const email = { send: (one: EmailMessage) => Promise.resolve(void sent.push(one)) };
  await send({ EMAIL_ENDPOINT: 'https://school.communication.azure.com' }, { email });
  expect(sent).toEqual([message]);
});
