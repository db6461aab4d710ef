import { appendFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

export interface AzCallSeen {
  /** Without the options that every call has. */
  args: string[];
  line: string;
  env: Record<string, string>;
}

/** What `az` prints, or how it fails. */
export type Answer = { json: unknown } | { text: string } | { error: string } | 'hang';

const always = ['--only-show-errors', '--output', 'json'];

function read(fields: readonly string[]): AzCallSeen {
  const count = Number(fields[0]);
  const all = fields.slice(1, count + 1);
  if (all.slice(-3).join(' ') !== always.join(' ')) throw new Error(`az was called without ${always.join(' ')}`);
  const args = all.slice(0, -3);
  const env = fields.slice(count + 1).map((field) => {
    const at = field.indexOf('=');
    return [field.slice(0, at), field.slice(at + 1)] as const;
  });
  return { args, line: args.join(' '), env: Object.fromEntries(env) };
}

function write(answer: Exclude<Answer, 'hang'>): string {
  if ('error' in answer) return `1\n2\n${answer.error}\n`;
  const text = 'text' in answer ? answer.text : answer.json === undefined ? '' : JSON.stringify(answer.json);
  return `0\n1\n${text}\n`;
}

/** An `az` on the PATH whose every call is answered by `handle`, and recorded. */
export async function startFakeAz(handle: (call: AzCallSeen) => Answer) {
  const calls: AzCallSeen[] = [];
  const server = createServer((socket) => {
    let received = '';
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      received += chunk.toString('utf8');
      if (!received.endsWith('\0\0')) return;
      const call = read(received.slice(0, -2).split('\0'));
      calls.push(call);
      // What a real az would have to understand, too: for comparing the calls with one.
      const record = process.env['FAKE_AZ_RECORD'];
      if (record !== undefined) appendFileSync(record, `${JSON.stringify(call.args)}\n`);
      const answer = handle(call);
      if (answer !== 'hang') socket.end(write(answer));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    calls,
    env: {
      PATH: `${join(import.meta.dirname, 'fixtures')}:${process.env['PATH'] ?? ''}`,
      HOME: process.env['HOME'] ?? '/',
      FAKE_AZ_PORT: String(port),
    },
    close: () => void server.close(),
  };
}
