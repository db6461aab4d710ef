import { randomUUID } from 'node:crypto';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { expect, test } from 'vitest';
import { type Claims, identityOf, vouchingOf } from '../../../shared/adapters/sign-in/claims.ts';
import { createOpenIdProvider } from '../../../shared/adapters/sign-in/openid.ts';

// What is known of the real providers' own ways, tried without them: the requests that the library makes are answered here.

const entra = 'https://login.microsoftonline.com';
const clock = { now: () => Date.now() };
const school = '11111111-1111-4111-8111-111111111111';
const other = '22222222-2222-4222-8222-222222222222';

/** Microsoft Entra as it describes itself to applications of many tenants: its issuer has a gap for the tenant. */
async function fakeEntra(options: { path: string; issuer: string; claims: Claims }) {
  const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true });
  const base = `${entra}/${options.path}`;
  const answers: Record<string, () => Promise<unknown>> = {
    [`${base}/v2.0/.well-known/openid-configuration`]: async () => ({
      issuer: options.issuer,
      authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
      token_endpoint: `${base}/oauth2/v2.0/token`,
      jwks_uri: `${base}/discovery/v2.0/keys`,
      response_types_supported: ['code'],
      id_token_signing_alg_values_supported: ['RS256'],
    }),
    [`${base}/discovery/v2.0/keys`]: async () => ({
      keys: [{ ...(await exportJWK(publicKey)), kid: 'k', use: 'sig' }],
    }),
    [`${base}/oauth2/v2.0/token`]: async () => ({
      access_token: 'x',
      token_type: 'Bearer',
      id_token: await new SignJWT({ nonce: 'n', sub: 'pairwise', ...options.claims })
        .setProtectedHeader({ alg: 'RS256', kid: 'k' })
        .setAudience('app')
        .setIssuedAt()
        .setExpirationTime('5m')
        .sign(privateKey),
    }),
  };
  return async (url: string): Promise<Response> => {
    const make = answers[url];
    return make === undefined ? new Response('', { status: 404 }) : Response.json(await make());
  };
}

async function identify(tenant: string, issuerOfMetadata: string, claims: Claims) {
  const issuer = `${entra}/${tenant}/v2.0`;
  const provider = createOpenIdProvider({
    issuer,
    clientId: 'app',
    clientSecret: 'secret',
    vouches: vouchingOf(issuer),
    allowsHttp: false,
    clock,
    fetch: await fakeEntra({ path: tenant, issuer: issuerOfMetadata, claims }),
  });
  const secrets = {
    state: 's',
    nonce: 'n',
    code_verifier: randomUUID() + randomUUID(),
    redirect_uri: 'https://a.example/b',
  };
  expect(await provider.authorizationUrl(secrets)).toContain(`${entra}/${tenant}/oauth2/v2.0/authorize?`);
  return provider.identify(secrets, 'code');
}

const template = `${entra}/{tenantid}/v2.0`;
const of = (tenant: string) => ({ tid: tenant, iss: `${entra}/${tenant}/v2.0` });
const refused = { code: 'sign_in_refused' };

test('people of every tenant sign in at an application of many tenants, each named with the tenant', async () => {
  const [one, two] = [
    await identify('common', template, of(school)),
    await identify('organizations', template, of(other)),
  ];
  expect([one.subject, two.subject]).toEqual([`${school}:pairwise`, `${other}:pairwise`]);
});

test('a token whose issuer is not its own tenant is refused', async () => {
  await expect(identify('common', template, { tid: other, iss: `${entra}/${school}/v2.0` })).rejects.toMatchObject(
    refused,
  );
  await expect(identify('common', template, { iss: `${entra}/${school}/v2.0` })).rejects.toMatchObject(refused);
  await expect(identify('common', template, { tid: '../x', iss: 'https://evil.example/v2.0' })).rejects.toMatchObject(
    refused,
  );
});

test('people of another tenant are refused at an application of one tenant, by its number and by its name', async () => {
  for (const name of [school, 'school.example.org']) {
    const issuer = `${entra}/${school}/v2.0`;
    expect((await identify(name, issuer, of(school))).subject).toBe(`${school}:pairwise`);
    await expect(identify(name, issuer, of(other))).rejects.toMatchObject(refused);
  }
});

const judge = (issuer: string, claims: Claims) =>
  identityOf({ sub: 'x', ...claims }, vouchingOf(issuer)).is_email_verified;

test.each([
  'https://login.microsoftonline.com/common/v2.0',
  'https://login.microsoftonline.us/x/v2.0',
  'https://x.ciamlogin.com/',
])('an address from Microsoft (%s) proves nothing unless the owner of its domain was verified', (issuer) => {
  const email = 'head@school.example.org';
  expect(judge(issuer, { email })).toBe(false);
  expect(judge(issuer, { email, email_verified: true })).toBe(false);
  for (const xms_edov of [true, 'true', 1, '1']) expect(judge(issuer, { email, xms_edov })).toBe(true);
  for (const xms_edov of [false, 'false', 0, '0', null, {}, 'yes'])
    expect(judge(issuer, { email, xms_edov })).toBe(false);
});

test('Google answers for its own addresses and those of its Workspace domains, not for those that it once saw', () => {
  const google = 'https://accounts.google.com';
  const email_verified = true;
  expect(judge(google, { email: 'ann@gmail.com', email_verified })).toBe(true);
  expect(judge(google, { email: 'ann@school.example.org', email_verified, hd: 'school.example.org' })).toBe(true);
  expect(judge(google, { email: 'ann@school.example.org', email_verified })).toBe(false);
  expect(judge(google, { email: 'ann@gmail.com', email_verified: false })).toBe(false);
  expect(judge(google, { email: 'ann@gmail.com.evil.example', email_verified })).toBe(false);
  expect(judge('https://accounts.google.com.evil.example', { email: 'x@y.example', email_verified })).toBe(true);
});

test('what is no text, or too long, is nothing', () => {
  const claims = { sub: 'x', email: ['a@b.example'], name: 'n'.repeat(400), preferred_username: 7, tid: '' };
  const vouches = vouchingOf('https://id.example');
  expect(identityOf({ ...claims, email_verified: true }, vouches)).toEqual({
    subject: 'x',
    email: null,
    is_email_verified: false,
    name: null,
    username: null,
  });
});
