/** Passwords at bcrypt's cost of 12: how many people can log in, what others notice of it, and what an attacker can learn from time. */
import { type LoadResult, loadWith, oneConnection, type Target } from './load.ts';
import { type Account, type Product, startProduct } from './product.ts';
import { budget, budgetColumns, noBudget, runBench, type Table } from './report.ts';
import { median, percentile, spread } from './statistics.ts';

const loginSeconds = 15;
const parallelLogins = 64;
/** Half of them with a name that nobody has. */
const tries = 200;
const healthP99MsMax = 50;
const timeRatioMax = 1.2;

function loginOf(product: Product, username: string, password: string): Target {
  return { url: `${product.url}/api/auth/login/json`, method: 'POST', body: { username, password } };
}

/** Calls `/health` one after the other for as long as the work lasts. */
async function healthDuring(product: Product, work: Promise<unknown>): Promise<number[]> {
  const health = oneConnection({ url: `${product.url}/health`, method: 'GET' });
  let isOver = false;
  const ended = work.finally(() => {
    isOver = true;
  });
  const times: number[] = [];
  while (!isOver) {
    times.push(await health.timeMs());
    // A person's browser or a load balancer does not ask without a pause, and the passwords want the processor too.
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  health.close();
  await ended;
  return times;
}

async function logInAtOnce(product: Product, account: Account, count: number): Promise<void> {
  const { url, body } = loginOf(product, account.username, account.password);
  const answers = await Promise.all(
    Array.from({ length: count }, async () => {
      const headers = { 'content-type': 'application/json' };
      const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
      await response.text();
      return response.status;
    }),
  );
  if (answers.some((status) => status !== 200)) throw new Error(`Logins were refused: ${answers.join(' ')}`);
}

/** In turn, so that a slow moment of the machine meets both kinds. */
async function timesOfRefusals(product: Product, account: Account): Promise<{ known: number[]; unknown: number[] }> {
  const refused = (status: number) => status === 401;
  const known = oneConnection(loginOf(product, account.username, 'not the password'), refused);
  const unknown = oneConnection(loginOf(product, 'nobody-has-this-name', 'not the password'), refused);
  const times = { known: [] as number[], unknown: [] as number[] };
  for (let pair = 0; pair < tries / 2; pair++) {
    times.known.push(await known.timeMs());
    times.unknown.push(await unknown.timeMs());
  }
  known.close();
  unknown.close();
  return times;
}

function rowsOf(
  throughput: LoadResult,
  quiet: readonly number[],
  busy: readonly number[],
  refusals: { known: number[]; unknown: number[] },
): Table['rows'] {
  const ratio = median(refusals.unknown) / median(refusals.known);
  return [
    {
      what: 'logins/s, 32 connections',
      value: throughput.requestsPerS,
      note: `p50 ${throughput.p50Ms} ms`,
      ...noBudget,
    },
    {
      what: '/health p99 ms, nobody logs in',
      value: percentile(quiet, 99),
      note: `${quiet.length} calls, p50 ${median(quiet).toFixed(2)}`,
      ...noBudget,
    },
    {
      what: `/health p99 ms, ${parallelLogins} logins at once`,
      value: percentile(busy, 99),
      note: `${busy.length} calls, p50 ${median(busy).toFixed(2)}, longest ${Math.max(...busy).toFixed(1)}`,
      ...budget(percentile(busy, 99), '<', healthP99MsMax, 'ms'),
    },
    {
      what: 'wrong password, median ms',
      value: median(refusals.known),
      note: spread(refusals.known, 0),
      ...noBudget,
    },
    {
      what: 'unknown name, median ms',
      value: median(refusals.unknown),
      note: spread(refusals.unknown, 0),
      ...noBudget,
    },
    {
      what: 'unknown name : wrong password',
      value: ratio,
      note: `${tries} tries in turn`,
      ...budget(ratio, '<', timeRatioMax),
    },
  ];
}

await runBench('login', async () => {
  const product = await startProduct();
  const account = await product.register('bench-user', 'student');
  const throughput = await loadWith(32, loginSeconds, loginOf(product, account.username, account.password));
  const quiet = await healthDuring(product, new Promise((resolve) => setTimeout(resolve, 3000)));
  const busy = await healthDuring(product, logInAtOnce(product, account, parallelLogins));
  const refusals = await timesOfRefusals(product, account);
  await product.stop();
  return [
    {
      title: 'Logging in, bcrypt at cost 12',
      columns: [
        { key: 'what', title: 'measure' },
        { key: 'value', title: 'value', digits: 2 },
        { key: 'note', title: 'note' },
        ...budgetColumns,
      ],
      rows: rowsOf(throughput, quiet, busy, refusals),
    },
  ];
});
