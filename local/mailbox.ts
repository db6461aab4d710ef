import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { z } from 'zod';

const Mail = z.object({
  sent_at: z.string(),
  from: z.string(),
  to: z.string(),
  subject: z.string(),
  text: z.string(),
  html: z.string(),
});
type Mail = z.infer<typeof Mail>;

const listedMax = 200;
const root = '/dev/mailbox';

async function readMail(folder: string, name: string): Promise<(Mail & { id: string }) | undefined> {
  const id = /^([0-9a-f]{32})\.json$/.exec(name)?.[1];
  if (id === undefined) return undefined;
  try {
    return { id, ...Mail.parse(JSON.parse(await readFile(join(folder, name), 'utf8'))) };
  } catch {
    // Deleted a moment ago, or not an e-mail of ours.
    return undefined;
  }
}

async function listMails(folder: string): Promise<(Mail & { id: string })[]> {
  const names = await readdir(folder).catch(() => []);
  const mails = await Promise.all(names.map((name) => readMail(folder, name)));
  return mails
    .filter((mail) => mail !== undefined)
    .sort((a, b) => b.sent_at.localeCompare(a.sent_at))
    .slice(0, listedMax);
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

/** Escaped text in which addresses of the web can be clicked. */
function withLinks(text: string): string {
  return text
    .split(/(https?:\/\/[^\s<>"']+)/)
    .map((part, i) =>
      i % 2 === 1 ? `<a href="${escaped(part)}" rel="noreferrer">${escaped(part)}</a>` : escaped(part),
    )
    .join('');
}

const style = `body{margin:0 auto;max-width:60rem;padding:1.5rem;background:#fff;color:#1f2328;font:16px/1.5 system-ui,sans-serif}
a{color:#0b3d75}h1{font-size:1.4rem}h2{font-size:1.1rem;margin:1.5rem 0 .5rem}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.5rem;border-bottom:1px solid #d1d9e0;vertical-align:top;overflow-wrap:anywhere}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1rem}dt{font-weight:600}dd{margin:0;overflow-wrap:anywhere}
pre{white-space:pre-wrap;overflow-wrap:anywhere;border:1px solid #d1d9e0;border-radius:6px;padding:1rem;font-size:.9rem}
iframe{width:100%;height:36rem;border:1px solid #d1d9e0;border-radius:6px}`;
const styleHash = createHash('sha256').update(style).digest('base64');

function page(title: string, content: string): string {
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${escaped(title)}</title><style>${style}</style></head>
<body><main>
${content}
</main></body>
</html>
`;
}

function listPage(mails: readonly (Mail & { id: string })[]): string {
  const rows = mails.map(
    ({ id, sent_at, to, subject }) =>
      `<tr><td><time>${escaped(sent_at)}</time></td><td>${escaped(to)}</td><td><a href="${root}/${id}">${escaped(subject)}</a></td></tr>`,
  );
  const table = `<table><thead><tr><th scope="col">Sent</th><th scope="col">To</th><th scope="col">Subject</th></tr></thead><tbody>
${rows.join('\n')}
</tbody></table>`;
  return page(
    'Mailbox',
    `<h1>Mailbox</h1>
<p>E-mails that this Lyceum would have sent; nothing leaves this machine. Newest first. <a href="${root}">Look again</a></p>
${rows.length === 0 ? '<p>No e-mails yet.</p>' : table}`,
  );
}

function mailPage({ id, sent_at, from, to, subject, text }: Mail & { id: string }): string {
  return page(
    subject,
    `<p><a href="${root}">All e-mails</a></p>
<h1>${escaped(subject)}</h1>
<dl><dt>From</dt><dd>${escaped(from)}</dd><dt>To</dt><dd>${escaped(to)}</dd><dt>Sent</dt><dd><time>${escaped(sent_at)}</time></dd></dl>
<h2>Text</h2>
<pre>${withLinks(text)}</pre>
<h2>HTML</h2>
<iframe title="The e-mail as HTML" sandbox="allow-popups allow-popups-to-escape-sandbox" src="${root}/${id}/html"></iframe>`,
  );
}

const usual = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};

/** Our own pages: no script at all, and no other site may show them. */
const ownPolicy = `default-src 'none'; style-src 'sha256-${styleHash}'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;
/** The e-mail itself, which may hold anything: as in a good mail program, it runs nothing and loads nothing. */
const mailPolicy = `sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; frame-ancestors 'self'`;

function send(res: ServerResponse, status: number, body: string, headers: Record<string, string> = {}): void {
  const all = { ...usual, 'content-security-policy': ownPolicy, ...headers };
  res.writeHead(status, { ...all, 'content-length': Buffer.byteLength(body) }).end(body);
}

const notFound = page('Not found', `<h1>Not found</h1><p><a href="${root}">All e-mails</a></p>`);

async function answer(folder: string, req: IncomingMessage, res: ServerResponse, path: string): Promise<void> {
  // A page of another site that got a name of its own to lead here (DNS rebinding) must not read anybody's mail.
  if (!/^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/i.test(req.headers.host ?? '')) return send(res, 403, notFound);
  if (req.method !== 'GET' && req.method !== 'HEAD') return send(res, 405, notFound, { allow: 'GET, HEAD' });
  const [, id, part] = /^\/dev\/mailbox(?:\/([0-9a-f]{32})(\/html)?)?\/?$/.exec(path) ?? ['', null];
  if (id === null) return send(res, 404, notFound);
  if (id === undefined) return send(res, 200, listPage(await listMails(folder)));
  const mail = await readMail(folder, `${id}.json`);
  if (mail === undefined) return send(res, 404, notFound);
  if (part === undefined) return send(res, 200, mailPage(mail));
  // What is clicked opens beside the mailbox, not in the small frame.
  const html = mail.html.replace(/<head>/i, '<head><base target="_blank">');
  send(res, 200, html, { 'content-security-policy': mailPolicy });
}

/**
 * The pages under /dev/mailbox: the e-mails in the folder that the product writes them to instead of sending them. Part of the
 * local stack and of nothing that is deployed.
 */
export function createMailbox(folder: string) {
  return (req: IncomingMessage, res: ServerResponse, path: string): boolean => {
    if (!/^\/dev(?:\/|$)/.test(path)) return false;
    answer(folder, req, res, path).catch(() => {
      if (!res.headersSent) send(res, 500, notFound);
      else res.destroy();
    });
    return true;
  };
}
