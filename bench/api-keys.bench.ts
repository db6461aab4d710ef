/** Verification of API keys by one instance that remembers them: what it costs to let in and to refuse, alone and under load. */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import type { ApiKeyDocument } from '../shared/api-keys/documents.ts';
import { checksumOf, hashOf, makeSecret } from '../shared/api-keys/key-format-rules.ts';
import { createKeyVerification } from '../shared/api-keys/verification-service.ts';
import { newAccount } from '../shared/identity/account-documents.ts';
import { createAccountStates } from '../shared/identity/account-states.ts';
import { createAuthenticate } from '../shared/identity/authentication.ts';
import { createRoles } from '../shared/identity/roles.ts';
import { systemClock } from '../shared/platform/clock.ts';
import type { Caller } from '../shared/platform/define-endpoint.ts';
import { tokens } from './product.ts';
import { budget, budgetColumns, noBudget, runBench, type Table } from './report.ts';
import { median, percentile } from './statistics.ts';

const p99MsMax = 2;
const keyCount = 1000;
const atOnce = 64;
const rounds = 1500;

const caller: Caller = { request_id: 'bench', address: '192.0.2.7', user_agent: null, origin: null, place_id: null };
const now = new Date().toISOString();

interface Key {
  value: string;
  document: ApiKeyDocument;
}

function newKey(said: Partial<ApiKeyDocument> = {}): Key {
  const { value, prefix } = makeSecret('lyc', randomBytes);
  const [keyId, userId] = [randomUUID(), randomUUID()];
  const document: ApiKeyDocument = {
    id: `key:${keyId}`,
    pk: userId,
    type: 'api_key',
    schema_version: 1,
    key_id: keyId,
    user_id: userId,
    version: 1,
    secrets: [{ prefix, hash: hashOf(value), valid_until: null }],
    name: 'bench',
    description: null,
    client_type: 'cli',
    scopes: ['read', 'write'],
    place_ids: [],
    ip_whitelist: ['198.51.100.0/24', '2001:db8::/32', '192.0.2.0/24'],
    origins: [],
    rate_limits: { per_minute: null, per_hour: 1000, per_day: null },
    credits: null,
    metadata: {},
    status: 'active',
    expires_at: null,
    created_at: now,
    updated_at: now,
    rotated_at: null,
    rotation_id: null,
    revoked_at: null,
    revoked_reason: null,
    made_by_key_id: null,
    usage: { valid: 0, refused: {}, last_used_at: null },
    ...said,
  };
  return { value, document };
}

/** The checks as the pipeline calls them, over a database that answers in one turn of the event loop and counts how often it is asked. */
function startVerification(keys: readonly Key[]) {
  let asked = 0;
  const answer = async <T>(value: T): Promise<T> => {
    asked += 1;
    await new Promise(setImmediate);
    return value;
  };
  const byPrefix = new Map(keys.map(({ document }) => [document.secrets[0]?.prefix, document]));
  const byId = new Map(keys.map(({ document }) => [document.key_id, document]));
  const states = createAccountStates({
    accounts: {
      find: (user_id) =>
        answer(
          newAccount({
            user_id,
            username: user_id,
            email: null,
            full_name: null,
            role: 'configurator',
            password_hash: null,
            created_at: now,
            updated_at: now,
          }),
        ),
    },
    roles: createRoles({
      documents: { find: async () => undefined, list: async () => [] },
      clock: systemClock,
      cacheMs: 10_000,
    }),
    clock: systemClock,
    cacheMs: 3_600_000,
  });
  const verification = createKeyVerification({
    keys: {
      locate: (prefix) => {
        const document = byPrefix.get(prefix);
        const place = document && { user_id: document.user_id, key_id: document.key_id };
        return answer(
          place && { id: prefix, pk: prefix, type: 'api_key_lookup' as const, schema_version: 1 as const, ...place },
        );
      },
      find: (_userId, keyId) => answer(byId.get(keyId)),
    },
    states,
    usage: { used: () => undefined, refused: () => undefined, flush: () => Promise.resolve(false) },
    credits: { spend: () => Promise.resolve({ ok: true }) },
    limiter: { take: () => Promise.resolve({ allowed: true, remaining: null }) },
    clock: systemClock,
    // As long as the benchmark takes; an instance remembers for 30 s at most.
    cacheMs: 3_600_000,
  });
  const authenticate = createAuthenticate({ tokens, states, keys: verification });
  return { authenticate, asked: () => asked };
}

type Verification = ReturnType<typeof startVerification>;

/** Milliseconds of one check; throws when its end is not the expected one. */
async function timeMs(verification: Verification, value: string, isGood: boolean): Promise<number> {
  const startedMs = performance.now();
  const isLetIn = await verification.authenticate({ kind: 'bearer', value }, caller).then(
    () => true,
    () => false,
  );
  const ms = performance.now() - startedMs;
  if (isLetIn !== isGood) throw new Error('A key was not checked rightly.');
  return ms;
}

/** So many checks at once, again and again: each waits for those before it, as it does in an instance that is busy. */
async function underLoad(verification: Verification, values: readonly string[], isGood: boolean, parallel: number) {
  const times: number[] = [];
  const startedMs = performance.now();
  for (let round = 0; round < rounds; round += 1) {
    const batch = Array.from({ length: parallel }, (_, at) => values[(round * parallel + at) % values.length] ?? '');
    times.push(...(await Promise.all(batch.map((value) => timeMs(verification, value, isGood)))));
    await new Promise(setImmediate);
  }
  return { times, perS: (times.length * 1000) / (performance.now() - startedMs) };
}

async function rowsFor(what: string, verification: Verification, values: readonly string[], isGood: boolean) {
  // What was never asked for is read once; from here on nothing may be.
  for (const value of values) await timeMs(verification, value, isGood);
  await underLoad(verification, values, isGood, atOnce);
  const askedBefore = verification.asked();
  const rows: Table['rows'] = [];
  for (const parallel of [1, atOnce]) {
    const { times, perS } = await underLoad(verification, values, isGood, parallel);
    const p99Ms = percentile(times, 99);
    rows.push({
      what,
      parallel,
      p50_us: median(times) * 1000,
      p99_us: p99Ms * 1000,
      per_s: perS,
      calls: verification.asked() - askedBefore,
      ...budget(p99Ms, '<', p99MsMax, 'ms'),
    });
  }
  return rows;
}

/** What cannot be less: the two sums over the text of the key. */
function bareRow(values: readonly string[]): Table['rows'][number] {
  const times: number[] = [];
  for (let i = 0; i < rounds * atOnce; i += 1) {
    const value = values[i % values.length] ?? '';
    const startedMs = performance.now();
    checksumOf(value.slice(0, -6));
    createHash('sha256').update(value).digest();
    times.push(performance.now() - startedMs);
  }
  const [p50, p99] = [median(times) * 1000, percentile(times, 99) * 1000];
  const none = { per_s: null, calls: 0, ...noBudget };
  return { what: 'CRC-32 and SHA-256 alone', parallel: 1, p50_us: p50, p99_us: p99, ...none };
}

await runBench('api-keys', async () => {
  const good = Array.from({ length: keyCount }, () => newKey());
  const revoked = Array.from({ length: keyCount }, () => newKey({ status: 'revoked' }));
  const verification = startVerification([...good, ...revoked]);
  const values = (keys: readonly Key[]) => keys.map((key) => key.value);
  const unknown = Array.from({ length: keyCount }, () => makeSecret('lyc', randomBytes).value);
  const rows = [
    bareRow(values(good)),
    ...(await rowsFor('good', verification, values(good), true)),
    ...(await rowsFor('revoked', verification, values(revoked), false)),
    ...(await rowsFor('unknown', verification, unknown, false)),
  ];
  return [
    {
      title: `Warm verification of ${keyCount} API keys in turn, in the pipeline's authentication`,
      columns: [
        { key: 'what', title: 'key' },
        { key: 'parallel', title: 'at once' },
        { key: 'p50_us', title: 'p50 us', digits: 1 },
        { key: 'p99_us', title: 'p99 us', digits: 1 },
        { key: 'per_s', title: 'checks/s' },
        { key: 'calls', title: 'Cosmos calls' },
        ...budgetColumns,
      ],
      rows,
    },
  ];
});
