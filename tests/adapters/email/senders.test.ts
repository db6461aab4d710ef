import { randomUUID } from 'node:crypto';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createAzureEmail } from '../../../shared/adapters/email/azure.ts';
import { EmailRefused } from '../../../shared/adapters/email/errors.ts';
import { createFolderEmail } from '../../../shared/adapters/email/folder.ts';
import { noEmail } from '../../../shared/adapters/email/none.ts';
import type { EmailMessage, EmailSender } from '../../../shared/adapters/email/types.ts';
import { renderMail } from '../../../shared/mail/templates.ts';
import { AppError } from '../../../shared/platform/errors.ts';
import { delivered, type EmailStub, startEmailStub, stubToken } from './email-stub.ts';

const from = 'lyceum@school.example.org';
const nowMs = Date.parse('2026-03-04T05:06:07.000Z');
const clock = { now: () => nowMs };

let stub: EmailStub;
let folder: string;
beforeAll(async () => {
  stub = await startEmailStub();
  folder = await mkdtemp(join(tmpdir(), 'lyceum mail '));
});
afterAll(async () => {
  await stub.close();
  await rm(folder, { recursive: true, force: true });
});

const azure = (options: { limitMs?: number; token?: string | Error } = {}): EmailSender => {
  const { token = stubToken, limitMs = 10_000 } = options;
  return createAzureEmail({
    endpoint: stub.endpoint,
    from,
    clock,
    credential: {
      getToken: (scopes) => {
        if (token instanceof Error) return Promise.reject(token);
        expect(scopes).toEqual(['https://communication.azure.com//.default']);
        return Promise.resolve({ token, expiresOnTimestamp: Date.now() + 3_600_000 });
      },
    },
    limitMs,
    pollMs: 5,
    clientOptions: stub.clientOptions,
  });
};

const message = (fields: Partial<EmailMessage> = {}): EmailMessage => ({
  ...renderMail({
    kind: 'invitation',
    invited_by: 'Tess',
    role: 'student',
    link: 'https://a.example/i',
    valid_days: 7,
  }),
  to: 'ann@example.org',
  messageId: randomUUID(),
  ...fields,
});

async function failure(work: Promise<unknown>): Promise<AppError | EmailRefused> {
  const error = await work.then(
    () => new Error('It did not fail.'),
    (thrown: unknown) => thrown,
  );
  if (error instanceof AppError || error instanceof EmailRefused) return error;
  throw error;
}

/** What arrived, whichever way it went. */
interface Arrived {
  from: string;
  to: string;
  subject: string;
  text: string;
  html: string;
}

const senders: Record<string, { make(): EmailSender; arrived(): Promise<Arrived[]> }> = {
  azure: {
    make: () => azure(),
    arrived: async () =>
      [...stub.taken.values()].map(({ senderAddress, recipients, content }) => ({
        from: senderAddress,
        to: recipients.to[0]?.address ?? '',
        subject: content.subject,
        text: content.plainText,
        html: content.html,
      })),
  },
  folder: {
    make: () => createFolderEmail({ folder: join(folder, 'made', 'when needed'), from, clock }),
    arrived: async () => {
      const path = join(folder, 'made', 'when needed');
      const names = await readdir(path).catch(() => []);
      return Promise.all(names.map(async (name) => JSON.parse(await readFile(join(path, name), 'utf8')) as Arrived));
    },
  },
};

describe.each(Object.entries(senders))('the sender %s', (_name, { make, arrived }) => {
  test('delivers both parts from the configured address to one person', async () => {
    const mail = message({ to: `${randomUUID()}@example.org` });
    await make().send(mail);
    const { messageId: _, ...parts } = mail;
    expect((await arrived()).find(({ to }) => to === mail.to)).toMatchObject({ ...parts, from });
  });

  test('takes a repeat with the same message id for the same e-mail, also when six come at once', async () => {
    const mail = message({ to: `${randomUUID()}@example.org` });
    const sender = make();
    await Promise.all(Array.from({ length: 6 }, () => sender.send(mail)));
    await make().send(mail);
    expect((await arrived()).filter(({ to }) => to === mail.to)).toHaveLength(1);
  });

  test.each(['to', 'subject', 'messageId'] as const)('refuses control characters in %s for good', async (field) => {
    const before = (await arrived()).length;
    for (const bad of ['x\r\nBcc: all@example.org', 'x\ny', 'x\u0000', 'x\u2028y', '']) {
      expect(await failure(make().send(message({ [field]: bad })))).toMatchObject({ code: 'malformed' });
    }
    expect(await arrived()).toHaveLength(before);
  });
});

describe('Azure Communication Services', () => {
  test('an e-mail that is delivered later is followed until it is', async () => {
    stub.script({ kind: 'take', statuses: [{ status: 'Running' }, { status: 'Running' }, { status: 'Succeeded' }] });
    const before = stub.requests.length;
    await azure().send(message());
    expect(stub.requests.slice(before).map((request) => request.split(' ')[0])).toEqual(['POST', 'GET', 'GET', 'GET']);
  });

  test('an e-mail that the service has taken is not sent again when nothing more is heard of it', async () => {
    stub.script({ kind: 'take', statuses: [{ status: 'Running' }] });
    await azure({ limitMs: 100 }).send(message());
    stub.script({ kind: 'take', statuses: [{ http: 500 }] });
    await azure().send(message());
  });

  test.each([
    ['EmailDroppedAllRecipientsSuppressed', 'EmailDroppedAllRecipientsSuppressed'],
    ['a sentence about ann@example.org', 'Failed'],
    [undefined, 'Failed'],
  ])('an e-mail that was taken and then failed with %s is refused for good', async (code, shown) => {
    stub.script({ kind: 'take', statuses: [{ status: 'Running' }, { status: 'Failed', ...(code ? { code } : {}) }] });
    const error = await failure(azure().send(message()));
    expect(error).toBeInstanceOf(EmailRefused);
    expect(error.code).toBe(shown);
  });

  test.each([
    [429, { 'retry-after': '17' }, 17],
    [503, { 'retry-after': 'Wed, 04 Mar 2026 05:07:07 GMT' }, 60],
    [500, {}, 30],
    [408, {}, 30],
    // Settings or role assignments that somebody can mend; the e-mail need not be lost.
    [401, {}, 30],
    [403, {}, 30],
    [404, {}, 30],
  ])('status %i is worth another try, after the time that the service asks for', async (status, headers, waitS) => {
    stub.script({ kind: 'status', status, headers });
    const before = stub.requests.length;
    expect(await failure(azure().send(message()))).toMatchObject({ code: 'unavailable', retryAfterS: waitS });
    expect(stub.requests).toHaveLength(before + 1);
  });

  test.each([400, 413, 422])('status %i is final, and says nothing of the person', async (status) => {
    stub.script({ kind: 'status', status, code: 'EmailAddressInvalid' });
    const error = await failure(azure().send(message()));
    expect(error).toBeInstanceOf(EmailRefused);
    expect(error).toMatchObject({ code: 'EmailAddressInvalid' });
    expect(JSON.stringify([error.message, String(error.cause), error.stack])).not.toContain('ann@example.org');
  });

  test.each([{ kind: 'hang' }, { kind: 'cut' }] as const)(
    'no answer ($kind) is worth another try',
    async (behaviour) => {
      stub.script(behaviour);
      expect(await failure(azure({ limitMs: 200 }).send(message()))).toMatchObject({ code: 'unavailable' });
    },
  );

  test('a managed identity that is not to be had is worth another try', async () => {
    stub.script(delivered);
    const error = Object.assign(new Error('no identity here'), { name: 'CredentialUnavailableError' });
    expect(await failure(azure({ token: error }).send(message()))).toMatchObject({ code: 'unavailable' });
    expect(await failure(azure({ token: 'of somebody else' }).send(message()))).toMatchObject({ code: 'unavailable' });
  });
});

describe('the folder', () => {
  test('holds one readable file for each e-mail, for this user alone, and nothing unfinished', async () => {
    const path = join(folder, 'mails');
    const mail = message();
    await createFolderEmail({ folder: path, from, clock }).send(mail);
    const names = await readdir(path);
    expect(names).toEqual([expect.stringMatching(/^[0-9a-f]{32}\.json$/)]);
    const { mode } = await stat(join(path, names[0] ?? ''));
    expect(mode & 0o077).toBe(0);
    expect(JSON.parse(await readFile(join(path, names[0] ?? ''), 'utf8'))).toEqual({
      message_id: mail.messageId,
      sent_at: '2026-03-04T05:06:07.000Z',
      from,
      to: mail.to,
      subject: mail.subject,
      text: mail.text,
      html: mail.html,
    });
  });

  test('keeps what a message id could do to a path out of it', async () => {
    const path = join(folder, 'hostile ids');
    await createFolderEmail({ folder: path, from, clock }).send(message({ messageId: '../../outside' }));
    expect(await readdir(path)).toEqual([expect.stringMatching(/^[0-9a-f]{32}\.json$/)]);
  });

  test('that cannot be written fails in a way that is not final', async () => {
    const file = join(folder, 'a file');
    await writeFile(file, '');
    await chmod(file, 0o400);
    await expect(createFolderEmail({ folder: join(file, 'below'), from, clock }).send(message())).rejects.toThrow(
      /ENOTDIR/,
    );
  });
});

test('without a service every e-mail is refused for good, with the setting that is missing', async () => {
  const error = await failure(noEmail.send(message()));
  expect(error).toBeInstanceOf(EmailRefused);
  expect(error).toMatchObject({ code: 'not_configured', message: expect.stringContaining('EMAIL_ENDPOINT') });
});
