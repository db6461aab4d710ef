/**
 * `npm run smoke -- --url URL`: does the product's main job on a system that runs: makes a course, hands in, waits for the grade, and removes
 * it all. Who does it is said by SMOKE_USERNAME and SMOKE_PASSWORD, in the environment so that no list of processes shows it.
 */
import { DeployError } from './deploy/failure.ts';
import { parse } from './deploy/options.ts';
import { smokeTest } from './deploy/smoke-test.ts';
import { abortOnSignal, conclude } from './deploy/terminal.ts';

const usage = `Usage: SMOKE_USERNAME=... SMOKE_PASSWORD=... npm run smoke -- --url URL

  --url URL   for example http://127.0.0.1:7071
  --help      this text

The account is a teacher's or an administrator's, without a second factor.`;

function readUrl(args: readonly string[]): string | undefined {
  const values = parse(args, { url: { type: 'string' }, help: { type: 'boolean', short: 'h' } } as const, 'smoke');
  if (values.help) return undefined;
  if (values.url === undefined) throw new DeployError('Say where: npm run smoke -- --url http://127.0.0.1:7071');
  if (!URL.canParse(values.url)) throw new DeployError(`--url must be a web address, not '${values.url}'.`);
  return values.url;
}

async function main(): Promise<number> {
  const { signal } = abortOnSignal();
  try {
    const url = readUrl(process.argv.slice(2));
    if (url === undefined) {
      console.log(usage);
      return 0;
    }
    const { SMOKE_USERNAME: username, SMOKE_PASSWORD: password } = process.env;
    if (!username || !password) throw new DeployError('Say who does it: set SMOKE_USERNAME and SMOKE_PASSWORD.');
    const pace = { pollMs: 1000, limitMs: 180_000 };
    console.log(await smokeTest({ url, username, password, say: console.log, signal, ...pace }));
    return 0;
  } catch (error) {
    return conclude(error, (text) => process.stderr.write(text), 'What it made is removed by the next smoke test.');
  }
}

process.exitCode = await main();
