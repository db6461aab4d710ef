import { HttpRequest } from '@azure/functions';
import changePassword from '../../functions/accounts/change-password.ts';
import { loadConfig } from '../../shared/platform/config.ts';
import { handleRequest } from '../../shared/platform/pipeline.ts';
import { createRuntime } from '../../shared/services.ts';

/** What the test that starts this process passes as its argument. */
export interface Work {
  settings: Record<string, string>;
  people: { token: string; old: string; wanted: string }[];
}

// Three changes at a time, one after the other, and a line for each that was answered; until it is killed.
const { settings, people }: Work = JSON.parse(process.argv[2] ?? '');
const runtime = createRuntime(loadConfig(settings), { writeLog: () => undefined, bcryptCost: 4 });
const waiting = people.map((person, index) => ({ ...person, index }));

async function lane(): Promise<void> {
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const request = new HttpRequest({
      method: 'POST',
      url: 'http://127.0.0.1/api/v1/auth/change-password',
      headers: { authorization: `Bearer ${next.token}`, 'content-type': 'application/json' },
      body: { string: JSON.stringify({ current_password: next.old, new_password: next.wanted }) },
    });
    const { status } = await handleRequest(changePassword, request, runtime);
    process.stdout.write(`${next.index} ${status}\n`);
  }
}

await Promise.all([lane(), lane(), lane()]);
await runtime.close();
