import { randomUUID } from 'node:crypto';
import { CosmosClient } from '@azure/cosmos';
import { HttpRequest } from '@azure/functions';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import getMe from '../../functions/accounts/get-me.ts';
import getOpenapi from '../../functions/platform/get-openapi.ts';
import containers from '../../infra/containers.json' with { type: 'json' };
import { startCosmos } from '../../local/cosmos/server.ts';
import { loadConfig } from '../../shared/platform/config.ts';
import type { Endpoint, NamedLimit, Principal } from '../../shared/platform/define-endpoint.ts';
import { AppError } from '../../shared/platform/errors.ts';
import { permissionsOfRole } from '../../shared/platform/permissions.ts';
import { handleRequest } from '../../shared/platform/pipeline.ts';
import { createRuntime } from '../../shared/services.ts';
import type { LogLine } from '../app.ts';

/** The database is asked. */
const waiting = { timeout: 10_000 };

// A tenth of the built-in limits: 60 calls from one address at once, two a second after that.
let nowMs = Date.UTC(2026, 0, 5, 12);
let cosmos: Awaited<ReturnType<typeof startCosmos>>;
let client: CosmosClient;
let isStoreLost = false;
let instances: Awaited<ReturnType<typeof startInstance>>[];

/** One instance of the application; only who calls is made up, because no test here is about that. */
async function startInstance() {
  const lines: string[] = [];
  const settings = {
    LYCEUM_ENVIRONMENT: 'local',
    CosmosConnection: `AccountEndpoint=${cosmos.endpoint};AccountKey=${cosmos.key};`,
    ServiceBusConnection: 'Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=a;SharedAccessKey=a;',
    AzureWebJobsStorage: 'UseDevelopmentStorage=true',
    JWT_SECRET: 'only for tests: thirty-two bytes or more of text',
    DATA_ENCRYPTION_KEY: 'also only for tests: thirty-two bytes or more',
    RATE_LIMIT_SCALE: '0.1',
    TRUSTED_PROXY_HOPS: '1',
  };
  const real = createRuntime(loadConfig(settings), {
    clock: { now: () => nowMs },
    writeLog: (line) => lines.push(line),
    strictErrors: true,
  });
  const runtime = {
    ...real,
    async authenticate(credential: { value: string }, caller: Principal['caller']): Promise<Principal> {
      if (credential.value === 'wrong') throw new AppError('unauthenticated');
      return {
        user_id: 'owner-of-keys',
        username: 'owner',
        email: null,
        full_name: null,
        role: 'student',
        permissions: permissionsOfRole('student') ?? new Set(),
        tier: 'free',
        via: { kind: 'api_key', key_id: credential.value, limits: limitsOf(credential.value) },
        caller,
      };
    },
  };
  const logged = (event: string): LogLine[] =>
    lines.map((line) => JSON.parse(line) as LogLine).filter((line) => line.event === event);
  async function call(endpoint: Endpoint, headers: Record<string, string>) {
    const url = 'http://localhost/anything';
    const answer = await handleRequest(endpoint, new HttpRequest({ method: 'GET', url, headers }), runtime);
    return { status: answer.status ?? 0, headers: new Headers(answer.headers as Record<string, string>) };
  }
  return {
    logged,
    close: real.close,
    from: (address: string) => call(getOpenapi, { 'x-forwarded-for': address }),
    withKey: (key: string) => call(getMe, { 'x-forwarded-for': '203.0.113.99:1', 'x-api-key': key }),
  };
}

const perMinute: NamedLimit = { name: 'minute', window_s: 60, max_calls: 7 };
const perHour: NamedLimit = { name: 'hour', window_s: 3_600, max_calls: 5 };
const limitsOf = (key: string) => (key.startsWith('hour') ? [perMinute, perHour] : [perMinute]);

/** All instances answer somebody, ten seconds apart: then they have counted each other. */
async function countEachOther(): Promise<void> {
  for (let round = 0; round < 3; round += 1) {
    nowMs += 10_000;
    for (const instance of instances) await instance.from(`198.51.100.${instances.indexOf(instance)}:1`);
    await vi.waitFor(async () => expect(await seenNow()).toBe(instances.length), waiting);
  }
}

/** How many instances have written down that they are there, at this moment. */
async function seenNow(): Promise<number> {
  const id = 'rate-limit-instances';
  const { resource } = await client
    .database(containers.database)
    .container('platform')
    .item(id, id)
    .read<{ seen_at_ms: Record<string, number> }>();
  return Object.values(resource?.seen_at_ms ?? {}).filter((atMs) => atMs === nowMs).length;
}

beforeAll(async () => {
  cosmos = await startCosmos({ port: 0, dataDir: ':memory:', definition: containers });
  client = new CosmosClient({ endpoint: cosmos.endpoint, key: cosmos.key });
  instances = await Promise.all([startInstance(), startInstance()]);
  await countEachOther();
});
afterAll(async () => {
  await Promise.all(instances.map((instance) => instance.close()));
  client.dispose();
  if (!isStoreLost) await cosmos.close();
});

/** Calls by turns until every instance has refused twice in a row. */
async function allowedByTurns(call: (instance: (typeof instances)[number]) => Promise<{ status: number }>) {
  let allowed = 0;
  for (let refused = 0; refused < 2 * instances.length; ) {
    for (const instance of instances) {
      const { status } = await call(instance);
      if (status === 429) refused += 1;
      else {
        allowed += 1;
        refused = 0;
      }
    }
  }
  return allowed;
}

test('two instances together allow what the limit says', async () => {
  const allowed = await allowedByTurns((instance) => instance.from('203.0.113.1:1'));
  expect(allowed).toBeGreaterThanOrEqual(54);
  expect(allowed).toBeLessThanOrEqual(60);
});

test('one of two instances alone allows nearly all of it', async () => {
  const [first] = instances;
  let allowed = 0;
  while ((await first?.from('203.0.113.2:1'))?.status === 200) allowed += 1;
  expect(allowed).toBeGreaterThanOrEqual(54);
  expect(allowed).toBeLessThanOrEqual(60);
});

test('version 6 addresses of one /64 share an allowance, and another spelling of version 4 is the same address', async () => {
  const left = async (addresses: string[]) => {
    const answers: number[] = [];
    for (const address of addresses) {
      answers.push(Number((await instances[0]?.from(address))?.headers.get('ratelimit-remaining')));
    }
    return answers.map((remaining) => (answers[0] ?? 0) - remaining);
  };
  expect(await left(['[2001:db8:0:7::1]:443', '[2001:DB8::7:ffff:0:0:2]:9', '2001:db8:0:8::1'])).toEqual([0, 1, 0]);
  const spellings = ['203.0.113.5:1', '[::ffff:203.0.113.5]:2', '[::ffff:cb00:7105]:3', '203.0.113.5'];
  expect(await left(spellings)).toEqual([0, 1, 2, 3]);
});

test('the limits of a key are exact over all instances, replace those of its owner, and are not scaled', async () => {
  const key = `minute-${randomUUID()}`;
  expect(await allowedByTurns((instance) => instance.withKey(key))).toBe(7);
  const refusal = await instances[0]?.withKey(key);
  expect(refusal?.headers.get('ratelimit-limit')).toBe('7');
  expect((await instances[1]?.withKey(`minute-${randomUUID()}`))?.status).not.toBe(429);
  nowMs += 60_000 - (nowMs % 60_000);
  expect(await allowedByTurns((instance) => instance.withKey(key))).toBe(7);
});

test('the tightest limit of a key decides, and its answer says when it ends', async () => {
  const key = `hour-${randomUUID()}`;
  expect(await allowedByTurns((instance) => instance.withKey(key))).toBe(5);
  const refusal = await instances[0]?.withKey(key);
  expect(refusal?.headers.get('ratelimit-limit')).toBe('5');
  expect(Number(refusal?.headers.get('ratelimit-reset'))).toBe(Math.ceil((3_600_000 - (nowMs % 3_600_000)) / 1000));
});

test('a call that the instance can decide alone costs no Cosmos call, and what goes on beside it is on no bill', async () => {
  const [first] = instances;
  for (let i = 0; i < 3; i += 1) {
    nowMs += 11_000;
    await first?.from('203.0.113.3:1');
    await vi.waitFor(async () => expect(await seenNow()).toBe(1), waiting);
  }
  const lines = first?.logged('request').slice(-3) ?? [];
  expect(lines.map((line) => line.cosmos_calls)).toEqual([0, 0, 0]);
});

test('without the shared store each instance allows its share, says so once, and answers', async () => {
  await countEachOther();
  isStoreLost = true;
  await cosmos.close();
  for (const instance of instances) {
    let allowed = 0;
    while ((await instance.from('203.0.113.4:1')).status === 200) allowed += 1;
    expect(allowed).toBeGreaterThanOrEqual(27);
    expect(allowed).toBeLessThanOrEqual(33);
    nowMs += 500;
    expect((await instance.from('203.0.113.4:1')).status).toBe(429);
    nowMs += 500;
    expect((await instance.from('203.0.113.4:1')).status).toBe(200);
    expect(instance.logged('rate_limit_store_lost')).toHaveLength(1);
  }
});
