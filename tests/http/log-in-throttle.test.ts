import { randomUUID } from 'node:crypto';
import { request as ask, createServer } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { loadConfig } from '../../shared/platform/config.ts';
import { AppError } from '../../shared/platform/errors.ts';
import { createRuntime } from '../../shared/services.ts';
import { movableClock } from '../movable-clock.ts';
import { type Lab, type Person, startLab } from './client.ts';
import { tokenClient, type WireTokens } from './token-client.ts';

const hourMs = 3_600_000;
const clock = movableClock();
let lab: Lab;
let client: ReturnType<typeof tokenClient>;
let victim: Person;
let other: Person;

beforeAll(async () => {
  // The limits as they are; only the slow bcrypt is quick here.
  lab = await startLab({
    overrides: { clock },
    settings: { RATE_LIMIT_SCALE: '1', ACCESS_TOKEN_EXPIRE_MINUTES: '1440' },
  });
  client = tokenClient(lab);
  victim = await lab.makePerson('student', { email: `${randomUUID()}@example.org` });
  other = await lab.makePerson('student');
});
afterAll(() => lab.close());
// What one test has spoilt is forgiven before the next.
beforeEach(() => clock.move(24 * hourMs));

const wrong = 'not the password';
/** The outcome of a try from an address, past the limits of the platform on calls of any kind: status, and seconds to wait. */
async function attempt(
  identifier: string,
  password: string,
  { address = '192.0.2.1', deviceToken = undefined as string | undefined, at = lab.app.runtime } = {},
): Promise<number | string> {
  const caller = { request_id: 'x', address, user_agent: null, origin: null, place_id: null };
  try {
    await at.services.signIn.withPassword({ identifier, password, deviceToken }, caller);
    return 200;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return error.code === 'rate_limited' ? `wait ${error.retryAfterS} s` : error.status;
  }
}
const failTimes = async (times: number, name: string, options = {}) => {
  const results: (number | string)[] = [];
  for (let i = 0; i < times; i += 1) results.push(await attempt(name, wrong, options));
  return results;
};

/** So many names from one address, some at once; all of them are tried. */
async function spray(address: string, names = 100): Promise<void> {
  for (let done = 0; done < names; done += 25) {
    const tries = Array.from({ length: 25 }, () => attempt(`guess-${randomUUID()}`, wrong, { address }));
    expect(new Set(await Promise.all(tries))).toEqual(new Set([401]));
  }
}

describe('who guesses a password', () => {
  test('must wait after five failures, longer after each, with 429 and Retry-After over HTTP', async () => {
    const send = (password: string) =>
      lab.anyone('POST', '/api/v1/auth/login', { json: { username: victim.username, password } });
    for (let i = 0; i < 5; i += 1) expect((await send(wrong)).refusal).toEqual([401, 'Incorrect username or password']);
    const reply = await send(wrong);
    expect(reply.json()).toMatchObject({ status: 429, code: 'rate_limited', detail: expect.stringContaining('1 s') });
    expect(reply.headers.get('retry-after')).toBe('1');
    // The right password is not looked at either: who guesses learns nothing while waiting.
    expect((await send(victim.password)).status).toBe(429);
  });

  test('waits a second, then doubling, five minutes at the most, and never for ever', async () => {
    await failTimes(5, victim.username);
    const waits: number[] = [];
    for (let i = 0; i < 12; i += 1) {
      const seconds = Number(/\d+/.exec(String(await attempt(victim.username, wrong)))?.[0]);
      waits.push(seconds);
      clock.move(seconds * 1000 - 1);
      expect(await attempt(victim.username, wrong)).toBe('wait 1 s');
      clock.move(1);
      expect(await attempt(victim.username, wrong)).toBe(401);
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
    clock.move(300_000);
    expect(await attempt(victim.username, victim.password)).toBe(200);
  });

  test('gains nothing by sending all guesses at once', async () => {
    const results = await Promise.all(Array.from({ length: 40 }, () => attempt(victim.username, wrong)));
    expect(results.filter((result) => result === 401)).toHaveLength(5);
    expect(results.filter((result) => result === 'wait 1 s')).toHaveLength(35);
  });

  test('gains nothing by asking several instances, beyond what each has begun', async () => {
    const second = createRuntime(loadConfig(lab.app.settings), { clock, bcryptCost: 4, writeLog: () => {} });
    const results: (number | string)[] = [];
    for (let i = 0; i < 5; i += 1) results.push(await attempt(victim.username, wrong, i % 2 ? { at: second } : {}));
    expect(results).toEqual([401, 401, 401, 401, 401]);
    expect(await attempt(victim.username, wrong, { at: second })).toBe('wait 1 s');
    await second.close();
  });

  test('is counted under all spellings of the name that the log-in takes for the same', async () => {
    const name = victim.username;
    const spellings = [name, name.toUpperCase(), ` ${name} `, name.replace('s', 'ｓ'), `\t${name}`];
    for (const spelling of spellings) expect(await attempt(spelling, wrong)).toBe(401);
    expect(await attempt(name, wrong)).toBe('wait 1 s');
  });

  test('is forgiven after the right password, and by time', async () => {
    await failTimes(4, victim.username);
    expect(await attempt(victim.username, victim.password)).toBe(200);
    expect(await failTimes(5, victim.username)).toEqual([401, 401, 401, 401, 401]);
    clock.move(5 * hourMs);
    expect(await failTimes(5, victim.username)).toEqual([401, 401, 401, 401, 401]);
  });

  test('harms nobody else behind the same address', async () => {
    await failTimes(10, victim.username);
    expect(await attempt(other.username, other.password)).toBe(200);
  });
});

describe('a name that nobody has', () => {
  test('is slowed just like one that somebody has', async () => {
    const [unknown, known] = [`nobody-${randomUUID()}`, victim.username];
    for (const step of [0, 0, 0, 0, 0, 0, 1000, 0, 2000, 0, 4000, 0]) {
      clock.move(step);
      expect(await attempt(unknown, wrong)).toBe(await attempt(known, wrong));
    }
    const [email, nobody] = [String(victim.user.email), `${randomUUID()}@example.org`];
    for (let i = 0; i < 6; i += 1) expect(await attempt(nobody, wrong)).toBe(await attempt(email, wrong));
  });

  test('and the address of somebody do not tell by their delay that they belong together', async () => {
    await failTimes(6, victim.username);
    expect(await attempt(String(victim.user.email), wrong)).toBe(401);
  });

  test('is stored and audited in no readable form: people type passwords there', async () => {
    const typed = `hunter2-${randomUUID()}`;
    await failTimes(2, typed);
    const all = await Promise.all(
      ['identity', 'platform', 'audit'].map(
        async (id) => (await lab.container(id).items.readAll().fetchAll()).resources,
      ),
    );
    const text = JSON.stringify(all);
    expect(text).not.toContain('hunter2');
    expect(text).not.toContain(Buffer.from(typed).toString('base64url'));
    expect(lab.app.log.join('\n')).not.toContain('hunter2');
    const [first, second] = (await client.audited(null, 'session.refused')).slice(-2);
    expect(first).toMatchObject({ result: 'refused', target: { id: null }, detail: { reason: 'unknown_name' } });
    expect(first?.detail['name_hash']).toMatch(/^[\w-]{16}$/);
    expect(second?.detail['name_hash']).toBe(first?.detail['name_hash']);
  });

  test('may be as long and strange as the field allows', async () => {
    for (const name of ['', ' ', '@', 'x'.repeat(320), '\u{1F600}'.repeat(160), '@'.repeat(320), '%', '/', '?#\\']) {
      const reply = await lab.anyone('POST', '/api/auth/login/json', { json: { username: name, password: wrong } });
      expect([name, reply.status]).toEqual([name, 401]);
    }
  });
});

describe('a known device', () => {
  const deviceToken = async (person: Person) => String((await client.logIn(person)).device_token);

  test('lets the right password in while an attacker keeps the name waiting', async () => {
    const device = await deviceToken(victim);
    await failTimes(20, victim.username);
    expect(await attempt(victim.username, victim.password)).toMatch('wait');
    const reply = await lab.anyone('POST', '/api/auth/login', {
      form: { username: String(victim.user.email), password: victim.password, device_token: device },
    });
    expect(reply.status).toBe(200);
    expect(reply.json<WireTokens>().device_token).toMatch(/^lyd_/);
    // And has not opened the door for the attacker.
    expect(await attempt(victim.username, wrong)).toMatch('wait');
  });

  test('lets the right password in while the whole address is kept waiting', async () => {
    const device = await deviceToken(other);
    await spray('192.0.2.1');
    expect(await attempt(other.username, other.password)).toBe('wait 1 s');
    expect(await attempt(other.username, other.password, { deviceToken: device })).toBe(200);
  });

  test('gives who has stolen it no more tries than anybody', async () => {
    const options = { deviceToken: await deviceToken(victim) };
    expect(await failTimes(6, victim.username, options)).toEqual([401, 401, 401, 401, 401, 'wait 1 s']);
    expect(await attempt(victim.username, victim.password, options)).toBe('wait 1 s');
    // The person's other devices, and strange ones, are not slowed by it.
    expect(await attempt(victim.username, victim.password)).toBe(200);
  });

  test.each<[string, (token: string) => string | Promise<string>]>([
    ['is of somebody else', () => deviceToken(other)],
    ['was changed', (token) => `${token.slice(0, -4)}AAAA`],
    [
      'names the victim under the signature of another',
      async (token) => {
        const [mine, theirs] = [token, await deviceToken(other)].map((text) => Buffer.from(text.slice(4), 'base64url'));
        if (mine === undefined || theirs === undefined) throw new Error('No tokens.');
        return `lyd_${Buffer.concat([mine.subarray(0, 38), theirs.subarray(38)]).toString('base64url')}`;
      },
    ],
    ['is garbage', () => 'garbage'],
    ['is empty', () => ''],
    [
      'has expired',
      (token) => {
        clock.move(180 * 24 * hourMs);
        return token;
      },
    ],
  ])('that %s is none', async (_what, make) => {
    const token = await make(await deviceToken(victim));
    await failTimes(5, victim.username);
    expect(await attempt(victim.username, victim.password, { deviceToken: token })).toBe('wait 1 s');
  });

  test('proves nothing: without the password it is worth nothing', async () => {
    const device = await deviceToken(victim);
    expect(await attempt(victim.username, wrong, { deviceToken: device })).toBe(401);
    expect((await lab.anyone('GET', '/api/auth/me', { token: device })).status).toBe(401);
    expect((await client.refresh(device)).status).toBe(401);
  });
});

describe('an address', () => {
  test('behind which a class logs in rightly is never slowed', async () => {
    for (let i = 0; i < 120; i += 1) {
      const person = i % 2 ? victim : other;
      expect(await attempt(person.username, person.password, { address: '198.51.100.7' })).toBe(200);
    }
  });

  test('from which a hundred names are tried must wait, and another need not', async () => {
    const from = (address: string) => attempt(`guess-${randomUUID()}`, wrong, { address });
    await spray('203.0.113.9');
    expect(await from('203.0.113.9')).toBe('wait 1 s');
    expect(await from('203.0.113.10')).toBe(401);
    clock.move(60_000);
    expect(await from('203.0.113.9')).toBe(401);
  });

  test('of version 6 counts with all of its network, and a mapped one as version 4', async () => {
    const tried = (address: string) => attempt(`guess-${randomUUID()}`, wrong, { address });
    for (let i = 0; i < 4; i += 1) await spray(`2001:db8:0:1::${i}`, 25);
    expect(await tried('2001:db8:0:1:ffff::1')).toBe('wait 1 s');
    expect(await tried('2001:db8:0:2::1')).toBe(401);
    await spray('203.0.113.77');
    expect(await tried('::ffff:203.0.113.77')).toBe('wait 1 s');
  });

  test('that is not known is not counted, because everybody would share it', async () => {
    await spray('unknown');
    expect(await attempt(`guess-${randomUUID()}`, wrong, { address: 'unknown' })).toBe(401);
  });
});

describe('while the store of the counts is down', () => {
  /** The database, but for the container of the counts: a real server that answers as the real one does when it is ill. */
  async function startIllDatabase() {
    const real = new URL(lab.app.cosmos.endpoint);
    const server = createServer((request, response) => {
      if (request.url?.includes('/colls/platform')) {
        request.resume();
        response
          .writeHead(503, { 'content-type': 'application/json' })
          .end('{"code":"ServiceUnavailable","message":"ill"}');
        return;
      }
      const { method, headers, url: path } = request;
      const onward = ask({ host: real.hostname, port: real.port, path, method, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      });
      request.pipe(onward);
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    return { url: `http://127.0.0.1:${port}`, close: () => server.close() };
  }

  test('nobody is kept out, and the log says so once', async () => {
    const ill = await startIllDatabase();
    const log: string[] = [];
    const CosmosConnection = `AccountEndpoint=${ill.url};AccountKey=${lab.app.cosmos.key};`;
    const settings = loadConfig({ ...lab.app.settings, CosmosConnection });
    const at = createRuntime(settings, { clock, bcryptCost: 4, writeLog: (line) => log.push(line) });
    expect(await failTimes(7, victim.username, { at })).toEqual([401, 401, 401, 401, 401, 401, 401]);
    expect(await attempt(victim.username, victim.password, { at })).toBe(200);
    expect(log.filter((line) => line.includes('log_in_throttle_unavailable'))).toHaveLength(1);
    await at.close();
    ill.close();
  });
});
