import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { app } from '@azure/functions';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Host, startHost } from '../../local/host/start-host.ts';
import { createMailbox } from '../../local/mailbox.ts';
import { createFolderEmail } from '../../shared/adapters/email/folder.ts';
import { renderMail } from '../../shared/mail/templates.ts';

const link = 'https://school.example.org/reset?token=abc&next=1';
let folder: string;
let host: Host;
let nowMs = Date.parse('2026-03-04T05:06:07.000Z');

async function send(to: string, fields: Partial<{ subject: string; html: string; text: string }> = {}): Promise<void> {
  nowMs += 1000;
  const sender = createFolderEmail({ folder, from: 'lyceum@example.org', clock: { now: () => nowMs } });
  const mail = renderMail({ kind: 'password_reset', name: 'Ann', link, valid_minutes: 60 });
  await sender.send({ ...mail, to, messageId: `message ${nowMs}`, ...fields });
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lyceum mailbox '));
  host = await startHost({
    port: 0,
    hostJson: { extensions: { http: { routePrefix: '' } } },
    settings: { AzureWebJobsDisableHomepage: 'true' },
    log: () => {},
    // The product has a function for every path that nothing else answers.
    load: async () => {
      app.setup({ enableHttpStream: true });
      app.http('everything', { route: '{*path}', methods: ['GET'], handler: () => ({ body: 'of the product' }) });
    },
    localPages: createMailbox(folder),
  });
});
afterAll(async () => {
  await host.close();
  await rm(folder, { recursive: true, force: true });
});

async function get(path: string, init: RequestInit = {}) {
  const response = await fetch(`${host.url}${path}`, init);
  const { status, headers } = response;
  return { status, headers, text: await response.text() };
}

/** A path or a header that `fetch` would not send as it is. */
function getRaw(path: string, headers: Record<string, string> = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port: host.port, path, headers }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      .on('error', reject)
      .end();
  });
}

async function idOf(to: string): Promise<string> {
  const { text } = await get('/dev/mailbox');
  const id = new RegExp(`${to}</td><td><a href="/dev/mailbox/([0-9a-f]{32})"`).exec(text)?.[1];
  if (id === undefined) throw new Error(`No e-mail to ${to} is listed.`);
  return id;
}

describe('the mailbox', () => {
  test('is empty before the first e-mail', async () => {
    expect((await get('/dev/mailbox')).text).toContain('No e-mails yet.');
  });

  test('lists the e-mails, newest first', async () => {
    for (const to of ['first@example.org', 'second@example.org', 'third@example.org']) await send(to);
    const { status, headers, text } = await get('/dev/mailbox/');
    expect([status, headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(text.match(/\w+@example\.org/g)).toEqual(['third@example.org', 'second@example.org', 'first@example.org']);
    expect(text).toContain('Choose a new password for Lyceum');
  });

  test('shows the text with a link that can be clicked, and the HTML in a frame that can do nothing', async () => {
    const page = await get(`/dev/mailbox/${await idOf('first@example.org')}`);
    expect(page.text).toContain('<a href="https://school.example.org/reset?token=abc&amp;next=1"');
    expect(page.text).toMatch(/<iframe title="[^"]+" sandbox="allow-popups allow-popups-to-escape-sandbox" src="/);
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(page.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    expect(page.headers.get('cache-control')).toBe('no-store');
  });

  test('serves the HTML part so that it runs nothing, even by itself', async () => {
    const part = await get(`/dev/mailbox/${await idOf('first@example.org')}/html`);
    const policy = part.headers.get('content-security-policy') ?? '';
    expect(policy).toMatch(/^sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'/);
    expect(policy).not.toContain('allow-scripts');
    expect(part.text).toContain('<base target="_blank">');
    expect(part.text).toContain('href="https://school.example.org/reset?token=abc&amp;next=1"');
  });

  test('shows a hostile e-mail without becoming part of it', async () => {
    const bad = '"><script>alert(1)</script><a href="javascript:alert(1)">';
    await send('hostile@example.org', { subject: bad, text: `${bad} http://x.example/"onclick=alert(1)`, html: bad });
    for (const path of ['/dev/mailbox', `/dev/mailbox/${await idOf('hostile@example.org')}`]) {
      const { text } = await get(path);
      expect(text).not.toContain('<script');
      expect(text).not.toContain('href="javascript');
      expect(text).not.toMatch(/<[^>]+ onclick/);
    }
  });

  test('shows files of the folder that are e-mails, and nothing else', async () => {
    const name = (letter: string) => `${letter.repeat(32)}.json`;
    await writeFile(join(folder, name('a')), '{"not": "an e-mail"}');
    await writeFile(join(folder, name('b')), '{ cut');
    await writeFile(join(folder, 'secrets.json'), '{"jwt_secret": "x"}');
    await symlink('/etc/passwd', join(folder, name('c')));
    for (const letter of ['a', 'b', 'c', 'd']) {
      expect((await get(`/dev/mailbox/${letter.repeat(32)}`)).status).toBe(404);
    }
    expect((await get('/dev/mailbox')).text.match(/\/dev\/mailbox\/[a-d]{32}/)).toBeNull();
  });

  test.each([
    '/dev/mailbox/../../etc/passwd',
    '/dev/mailbox/..%2f..%2fsecrets',
    '/dev/mailbox/%2e%2e/secrets.json',
    '/dev/mailbox/secrets',
    '/dev/mailbox/secrets.json',
    `/dev/mailbox/${'a'.repeat(32)}.json`,
    `/dev/mailbox/${'A'.repeat(32)}`,
    `/dev/mailbox/${'a'.repeat(32)}/text`,
    '/dev/mailbox/\\..\\secrets',
    '/dev/mailboxes',
    '/dev',
  ])('answers 404 to %s', async (path) => {
    expect(await getRaw(path)).toBe(404);
  });

  test('answers only to names of this machine, so that no web site can read it through a name of its own', async () => {
    for (const name of ['evil.example', 'evil.example:7071', 'localhost.evil.example']) {
      expect(await getRaw('/dev/mailbox', { host: name })).toBe(403);
    }
    for (const name of ['localhost:7071', '127.0.0.1', '[::1]:7071']) {
      expect(await getRaw('/dev/mailbox', { host: name })).toBe(200);
    }
  });

  test('can only be read', async () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
      expect((await get('/dev/mailbox', { method })).status).toBe(405);
    }
  });

  test('leaves every other path to the product', async () => {
    for (const path of ['/device', '/api/dev/mailbox', '/']) expect((await get(path)).text).toBe('of the product');
  });
});
