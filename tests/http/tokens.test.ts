import {
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  generateKeyPairSync,
  type KeyObject,
  randomUUID,
} from 'node:crypto';
import {
  createLocalJWKSet,
  decodeJwt,
  decodeProtectedHeader,
  type JSONWebKeySet,
  type JWTPayload,
  jwtVerify,
  SignJWT,
} from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ConfigError, loadConfig } from '../../shared/platform/config.ts';
import { createRuntime } from '../../shared/services.ts';
import { movableClock } from '../movable-clock.ts';
import { type Lab, type Person, startLab } from './client.ts';
import { tokenClient } from './token-client.ts';

const pemOf = (key: KeyObject) => String(key.export({ type: 'pkcs8', format: 'pem' }));
const edwards = generateKeyPairSync('ed25519').privateKey;
const curve = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const secret = 'the secret of JWT_SECRET: thirty-two bytes or more';
const oldSecret = 'the secret of an older key: thirty-two bytes or more';
const keys = [
  { kid: 'edwards', private_key: pemOf(edwards) },
  { kid: 'curve', private_key: curve.export({ format: 'jwk' }) },
  { kid: 'old', secret: oldSecret },
];

const clock = movableClock(Date.now());
let lab: Lab;
let client: ReturnType<typeof tokenClient>;
let student: Person;
beforeAll(async () => {
  lab = await startLab({
    overrides: { clock },
    settings: { JWT_SECRET: secret, JWT_KEYS: JSON.stringify(keys), ACCESS_TOKEN_EXPIRE_MINUTES: '60' },
  });
  client = tokenClient(lab);
  student = await lab.makePerson('student', { email: `${randomUUID()}@example.org` });
});
afterAll(() => lab.close());

describe('an access token', () => {
  test('says who, in which session, by whom, for whom and until when', async () => {
    const { access_token, expires_in } = await client.logIn(student);
    expect(decodeProtectedHeader(access_token)).toEqual({ alg: 'EdDSA', typ: 'at+jwt', kid: 'edwards' });
    const nowS = Math.floor(clock.now() / 1000);
    expect(decodeJwt(access_token)).toEqual({
      sub: student.id,
      role: 'student',
      username: student.username,
      email: student.user.email,
      sid: expect.stringMatching(/^[0-9a-f-]{36}$/),
      ver: 1,
      iss: 'lyceum',
      aud: 'lyceum',
      iat: nowS,
      exp: nowS + 3600,
      jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    expect(expires_in).toBe(3600);
  });

  test('is never the same twice', async () => {
    const ids = [await client.logIn(student), await client.logIn(student)].map((t) => decodeJwt(t.access_token).jti);
    expect(new Set(ids).size).toBe(2);
  });

  test('can be checked by others with the published keys, which hold nothing private', async () => {
    const reply = await lab.anyone('GET', '/.well-known/jwks.json');
    expect(reply.status).toBe(200);
    const set = reply.json<JSONWebKeySet & Record<string, unknown>>();
    expect(set.keys).toEqual([
      { kty: 'OKP', kid: 'edwards', use: 'sig', alg: 'EdDSA', crv: 'Ed25519', x: expect.any(String) },
      { kty: 'EC', kid: 'curve', use: 'sig', alg: 'ES256', crv: 'P-256', x: expect.any(String), y: expect.any(String) },
    ]);
    const { access_token } = await client.logIn(student);
    const check = { issuer: 'lyceum', audience: 'lyceum', currentDate: new Date(clock.now()) };
    const { payload } = await jwtVerify(access_token, createLocalJWKSet(set), check);
    expect(payload.sub).toBe(student.id);
  });
});

describe('keys rotate', () => {
  const [newest, older] = [
    { kid: 'newest', private_key: pemOf(generateKeyPairSync('ed25519').privateKey) },
    { kid: 'older', secret: oldSecret },
  ];
  const caller = { request_id: 'x', address: 'unknown', user_agent: null, origin: null, place_id: null };
  const stages = {
    'the secret alone': { JWT_SECRET: secret },
    'a key beside the secret': { JWT_SECRET: secret, JWT_KEYS: JSON.stringify([older]) },
    'a newer key before it': { JWT_SECRET: secret, JWT_KEYS: JSON.stringify([newest, older]) },
    'the newest key alone': { JWT_KEYS: JSON.stringify([newest]) },
  };
  type Stage = keyof typeof stages;

  async function withStage<T>(
    stage: Stage,
    work: (runtime: ReturnType<typeof createRuntime>) => Promise<T>,
  ): Promise<T> {
    const { JWT_SECRET: _secret, JWT_KEYS: _keys, ...rest } = lab.app.settings;
    const settings = loadConfig({ ...rest, ...stages[stage] });
    const runtime = createRuntime(settings, { clock, bcryptCost: 4, writeLog: () => {} });
    return work(runtime).finally(() => runtime.close());
  }
  const logInAt = (stage: Stage) =>
    withStage(stage, async ({ services }) => {
      const { username: identifier, password } = student;
      const answer = await services.signIn.withPassword({ identifier, password }, caller);
      return 'access_token' in answer ? answer.access_token : '';
    });
  const isTakenAt = (stage: Stage, value: string) =>
    withStage(stage, (runtime) =>
      runtime.authenticate({ kind: 'bearer', value }, caller).then(
        () => true,
        () => false,
      ),
    );

  test('without logging anyone out: what was signed before is good until its key is gone', async () => {
    const order = Object.keys(stages) as Stage[];
    const taken: Record<string, boolean[]> = {};
    for (const signed of order) {
      const token = await logInAt(signed);
      taken[signed] = [];
      for (const stage of order) taken[signed].push(await isTakenAt(stage, token));
    }
    expect(taken).toEqual({
      'the secret alone': [true, true, true, false],
      'a key beside the secret': [false, true, true, false],
      'a newer key before it': [false, false, true, true],
      'the newest key alone': [false, false, true, true],
    });
  });

  test('and a secret is published in no key set', () =>
    withStage('a key beside the secret', async ({ services }) =>
      expect(await services.tokens.publicKeys()).toEqual([]),
    ));

  test('without a key, as in a worker, no token is made and none is good', async () => {
    const { JWT_SECRET: _, JWT_KEYS: __, ...rest } = lab.app.settings;
    const runtime = createRuntime(loadConfig({ ...rest, LYCEUM_PART: 'worker' }), { clock, writeLog: () => {} });
    const { username: identifier, password } = student;
    await expect(runtime.services.signIn.withPassword({ identifier, password }, caller)).rejects.toThrow('has no key');
    const { access_token: value } = await client.logIn(student);
    await expect(runtime.authenticate({ kind: 'bearer', value }, caller)).rejects.toThrow(
      'Could not validate credentials',
    );
    await runtime.close();
  });

  test('a shorter lifetime in the settings holds for tokens that exist', async () => {
    const { access_token } = await client.logIn(student);
    const settings = loadConfig({ ...lab.app.settings, ACCESS_TOKEN_EXPIRE_MINUTES: '15' });
    const runtime = createRuntime(settings, { clock, writeLog: () => {} });
    const ask = () => runtime.authenticate({ kind: 'bearer', value: access_token }, caller);
    clock.move(14 * 60_000);
    expect((await ask()).user_id).toBe(student.id);
    clock.move(60_000);
    await expect(ask()).rejects.toThrow('Could not validate credentials');
    expect(await client.me(access_token)).toBe(200);
    await runtime.close();
  });
});

describe('forged', () => {
  type Header = { alg: string } & Record<string, unknown>;
  /** A token that is right in everything but what is said. */
  async function token(
    header: Header,
    key: KeyObject,
    claims: JWTPayload = {},
    without: string[] = [],
  ): Promise<string> {
    const { access_token } = await client.logIn(student);
    const right = { ...decodeJwt(access_token), ...claims };
    const payload = Object.fromEntries(Object.entries(right).filter(([name]) => !without.includes(name)));
    return new SignJWT(payload).setProtectedHeader({ typ: 'at+jwt', ...header }).sign(key);
  }
  const raw = async (header: object, signature = ''): Promise<string> => {
    const { access_token } = await client.logIn(student);
    const [, payload = ''] = access_token.split('.');
    return `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${payload}.${signature}`;
  };
  const hmac = (text: string) => createSecretKey(text, 'utf8');
  const ed = { alg: 'EdDSA', kid: 'edwards' };
  const es = { alg: 'ES256', kid: 'curve' };
  const strangeEd = generateKeyPairSync('ed25519').privateKey;
  const strangeEs = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const strangeJwk = createPublicKey(strangeEd).export({ format: 'jwk' });
  const publicPem = String(createPublicKey(edwards).export({ type: 'spki', format: 'pem' }));
  const nowS = () => Math.floor(clock.now() / 1000);

  test('tokens are made rightly by this test: with our keys and nothing changed each is taken', async () => {
    for (const made of [
      token(ed, edwards),
      token(es, curve),
      token({ alg: 'HS256', kid: 'old' }, hmac(oldSecret)),
      token({ alg: 'HS256' }, hmac(secret)),
    ]) {
      expect(await client.me(await made)).toBe(200);
    }
  });

  const cases: Record<string, () => Promise<string>> = {
    'says alg none': () => raw({ alg: 'none', typ: 'at+jwt' }),
    'says alg none with the name of a key': () => raw({ alg: 'none', typ: 'at+jwt', kid: 'edwards' }),
    'says alg None with the signature of nothing': () => raw({ alg: 'None', typ: 'at+jwt', kid: 'old' }, 'AAAA'),
    'has a signature of zeros': () => raw({ typ: 'at+jwt', ...es }, Buffer.alloc(64).toString('base64url')),
    'is signed by another key under the name of ours (EdDSA)': () => token(ed, strangeEd),
    'is signed by another key under the name of ours (ES256)': () => token(es, strangeEs),
    'is signed by another secret': () => token({ alg: 'HS256' }, hmac(`${secret}!`)),
    'is signed with our public key as a secret': () => token({ alg: 'HS256', kid: 'edwards' }, hmac(publicPem)),
    'is signed with our public key as the secret of no key': () => token({ alg: 'HS256' }, hmac(publicPem)),
    'is signed with a right secret under the name of an asymmetric key': () =>
      token({ alg: 'HS256', kid: 'edwards' }, hmac(secret)),
    'is signed with one of our keys under the name of another': () => token({ alg: 'HS256', kid: 'old' }, hmac(secret)),
    'is signed with a named secret under no name': () => token({ alg: 'HS256' }, hmac(oldSecret)),
    'is signed with an asymmetric key under no name': () => token({ alg: 'EdDSA' }, edwards),
    'is signed with our secret by another algorithm': () =>
      token({ alg: 'HS512' }, createSecretKey(Buffer.concat([Buffer.from(secret), Buffer.alloc(64)]))),
    'has expired': () => token(ed, edwards, { exp: nowS() - 1 }),
    'expires never': () => token(ed, edwards, {}, ['exp']),
    'is older than tokens may be': () => token(ed, edwards, { iat: nowS() - 3601, exp: nowS() + 600 }),
    'is not valid yet': () => token(ed, edwards, { nbf: nowS() + 60 }),
    'is for another audience': () => token(ed, edwards, { aud: 'another' }),
    'is for no audience': () => token(ed, edwards, {}, ['aud']),
    'is by another issuer': () => token(ed, edwards, { iss: 'another' }),
    'is by no issuer': () => token(ed, edwards, {}, ['iss']),
    'speaks for nobody': () => token(ed, edwards, {}, ['sub']),
    'is of no session': () => token(ed, edwards, {}, ['sid']),
    'is of no session version': () => token(ed, edwards, {}, ['ver']),
    'is of an old session version': () => token(ed, edwards, { ver: 0 }),
    'is of another type': () => token({ ...ed, typ: 'JWT' }, edwards),
    'brings its key along': () => token({ ...ed, jwk: strangeJwk }, strangeEd),
    'says where its key is': () => token({ ...ed, jku: 'http://127.0.0.1/keys' }, strangeEd),
    'says where its certificate is': () => token({ ...ed, x5u: 'http://127.0.0.1/cert' }, strangeEd),
    'is right but says where its key is': () => token({ ...ed, jku: 'http://127.0.0.1/keys' }, edwards),
    'is cut after its header': async () => (await token(ed, edwards)).split('.')[0] ?? '',
    'is cut before its signature': async () => (await token(ed, edwards)).split('.').slice(0, 2).join('.'),
    'lacks its signature': async () => `${(await token(ed, edwards)).split('.').slice(0, 2).join('.')}.`,
    'lacks the last letter': async () => (await token(ed, edwards)).slice(0, -2),
    'has another payload under a right signature': async () => {
      const [head, , signature] = (await token(ed, edwards)).split('.');
      const [, payload] = (await token(ed, strangeEd, { role: 'admin', sub: lab.root.id })).split('.');
      return `${head}.${payload}.${signature}`;
    },
  };
  for (const kid of [
    'nobody',
    '../../../../dev/null',
    '/etc/passwd',
    "old' UNION SELECT 'x",
    '$(id)',
    '__proto__',
    'constructor',
    'edwards\u0000',
    'EDWARDS',
    '',
    '*',
  ]) {
    cases[`names the key ${JSON.stringify(kid)}`] = () => token({ alg: 'HS256', kid }, hmac(secret));
  }
  for (const kid of [null, 0, [], ['edwards'], {}, true]) {
    cases[`names as its key ${JSON.stringify(kid)}`] = () => token({ alg: 'HS256', kid }, hmac(secret));
  }

  test.each(Object.entries(cases))('a token that %s is refused like any other', async (_what, make) => {
    const made = await make();
    const reply = await lab.anyone('GET', '/api/auth/me', { token: made });
    expect(reply.refusal).toEqual([401, 'Could not validate credentials']);
    expect(reply.headers.get('www-authenticate')).toBe('Bearer');
  });
});

describe('the settings of keys', () => {
  const problems = (settings: Record<string, string | undefined>): string => {
    try {
      loadConfig({ ...lab.app.settings, JWT_SECRET: undefined, JWT_KEYS: undefined, ...settings });
    } catch (error) {
      if (error instanceof ConfigError) return error.message;
      throw error;
    }
    return '';
  };
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  const publicOnly = createPublicKey(edwards).export({ format: 'jwk' });
  const canary = 'canary-canary-canary-canary-canary-canary';

  test('need one of the two, and say so in one sentence', () => {
    const message = problems({});
    expect(message.match(/JWT_/g)).toHaveLength(2);
    expect(message.split('\n')).toHaveLength(2);
    expect(message).toContain('JWT_SECRET or JWT_KEYS: is required');
    expect(problems({ JWT_SECRET: secret })).toBe('');
    expect(problems({ JWT_KEYS: JSON.stringify(keys) })).toBe('');
    expect(problems({ JWT_KEYS: JSON.stringify(keys), JWT_SECRET: secret })).toBe('');
  });

  test.each<[string, unknown, string]>([
    ['no JSON', `[${canary}`, 'must be a JSON array'],
    ['no array', { kid: 'a', secret: canary }, 'must be a JSON array'],
    ['no key', [], 'must be a JSON array of 1 to 10 keys'],
    ['eleven keys', Array.from({ length: 11 }, (_, i) => ({ kid: `k${i}`, secret: canary })), '1 to 10 keys'],
    ['a key without a name', [{ secret: canary }], 'key 1: must be {"kid", "secret"}'],
    ['a name with a slash', [{ kid: 'a/b', secret: canary }], 'key 1: must be'],
    ['a key with neither half', [{ kid: canary }], 'key 1: must be'],
    ['a key with both', [{ kid: 'a', secret: canary, private_key: canary }], 'key 1: must be'],
    ['a short secret', [{ kid: 'a', secret: 'canary-short' }], 'key 1: secret: must have 32 bytes or more'],
    [
      'a second key of the same name',
      [
        { kid: 'a', secret: canary },
        { kid: 'a', secret: canary },
      ],
      'key 2: kid',
    ],
    ['a private key that is none', [{ kid: 'a', private_key: canary }], 'key 1: private_key'],
    ['an RSA key', [{ kid: 'a', private_key: pemOf(rsa) }], 'key 1: private_key'],
    ['a public key', [{ kid: 'a', private_key: publicOnly }], 'key 1: private_key'],
    [
      'a key on another curve',
      [{ kid: 'a', private_key: pemOf(generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey) }],
      'key 1: private_key',
    ],
  ])('%s is refused by its place, and nothing of it is printed', (_what, value, sentence) => {
    const message = problems({ JWT_KEYS: typeof value === 'string' ? value : JSON.stringify(value) });
    expect(message).toContain('JWT_KEYS');
    expect(message).toContain(sentence);
    expect(message).not.toContain('canary');
    expect(message).not.toContain(pemOf(rsa).slice(40, 80));
    expect(message.split('\n')).toHaveLength(2);
  });

  test('take a private key as PEM and as JWK for the same key', () => {
    const [pem] = loadConfig({ ...lab.app.settings, JWT_KEYS: JSON.stringify([keys[0]]) }).JWT_KEYS ?? [];
    const jwk = [{ kid: 'edwards', private_key: createPrivateKey(pemOf(edwards)).export({ format: 'jwk' }) }];
    const [other] = loadConfig({ ...lab.app.settings, JWT_KEYS: JSON.stringify(jwk) }).JWT_KEYS ?? [];
    expect(other?.verifying.export({ format: 'jwk' })).toEqual(pem?.verifying.export({ format: 'jwk' }));
  });
});
