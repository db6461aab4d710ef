import { createHash, randomUUID } from 'node:crypto';
import { decodeJwt, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { callbackOf, type ExternalLab, startExternalLab } from './external-lab.ts';
import { client, otherClient } from './openid-provider.ts';

// A provider that is down, broken, or not to be trusted.

let world: ExternalLab;
beforeAll(async () => {
  world = await startExternalLab({ settings: { REGISTRATION_POLICY: 'open' } });
});
afterAll(() => world.close());
afterEach(() => {
  world.provider.tamper(undefined);
  world.provider.breakDown(/./, undefined);
});

async function ready(name = 'google') {
  const { who } = world.newcomer();
  const { auth_url, state } = await world.begin(name);
  return { who, auth_url, state, code: await world.codeFor(auth_url, who) };
}

const refusal = [400, 'The sign-in did not succeed; begin it again.'];
const transactionOf = (authUrl: string) => {
  const id = `sign-in:${new URL(authUrl).searchParams.get('state')}`;
  return world.lab.container('platform').item(id, id);
};

describe('what the provider says is checked', () => {
  test('the nonce: a token that was made for another sign-in is refused', async () => {
    const { auth_url, code, state } = await ready();
    await transactionOf(auth_url).patch([{ op: 'set', path: '/nonce', value: 'of another sign-in' }]);
    expect((await world.finish('google', { code, state })).refusal).toEqual(refusal);
  });

  test('the verifier: a code is good only for who began the sign-in', async () => {
    const { auth_url, code, state } = await ready();
    await transactionOf(auth_url).patch([{ op: 'set', path: '/code_verifier', value: 'v'.repeat(43) }]);
    expect((await world.finish('google', { code, state })).refusal).toEqual(refusal);
  });

  test('the audience: a token of another application is refused, with everything else right', async () => {
    const { who, auth_url, code, state } = await ready();
    const theirs = new URL(auth_url);
    theirs.searchParams.set('client_id', otherClient.client_id);
    // The verifier of the other application is its own; the nonce is ours.
    const verifier = 'another-application-has-a-verifier-of-its-own';
    theirs.searchParams.set('code_challenge', createHash('sha256').update(verifier).digest('base64url'));
    const answer = await fetch(`${world.provider.issuer}/token`, {
      method: 'POST',
      body: new URLSearchParams({
        ...otherClient,
        grant_type: 'authorization_code',
        code: await world.codeFor(theirs.href, who),
        redirect_uri: callbackOf('google'),
        code_verifier: verifier,
      }),
    });
    const { id_token } = (await answer.json()) as { id_token: string };
    const nonce = new URL(auth_url).searchParams.get('nonce');
    expect(decodeJwt(id_token)).toMatchObject({ aud: otherClient.client_id, nonce, sub: who });
    world.provider.tamper((body) => ({ ...body, id_token }));
    expect((await world.finish('google', { code, state })).refusal).toEqual(refusal);
  });

  test('a code that another application was given is refused', async () => {
    const { who, auth_url, state } = await ready();
    const theirs = new URL(auth_url);
    theirs.searchParams.set('client_id', otherClient.client_id);
    const code = await world.codeFor(theirs.href, who);
    expect((await world.finish('google', { code, state })).refusal).toEqual(refusal);
  });

  test('the issuer that the browser names, where it names one', async () => {
    const [wrong, right] = [await ready(), await ready()];
    const finish = ({ code, state }: typeof wrong, iss: string) => world.finish('google', { code, state, iss });
    expect((await finish(wrong, 'https://evil.example')).refusal).toEqual(refusal);
    expect((await finish(right, world.provider.issuer)).status).toBe(200);
  });

  describe('a token with everything right but', () => {
    /** Signs what the provider said once more, changed. */
    async function forged(change: (claims: JWTPayload) => JWTPayload, alg = 'RS256', kid = 'first') {
      const { privateKey } = await generateKeyPair(alg, { extractable: true });
      return (body: Record<string, unknown>) =>
        new SignJWT(change(decodeJwt(String(body['id_token']))))
          .setProtectedHeader({ alg, kid })
          .sign(privateKey)
          .then((id_token) => ({ ...body, id_token }));
    }
    const unsigned = (body: Record<string, unknown>) => {
      const [, payload] = String(body['id_token']).split('.');
      const head = Buffer.from('{"alg":"none"}').toString('base64url');
      return { ...body, id_token: `${head}.${payload}.` };
    };
    const edited = (change: (claims: JWTPayload) => object) => (body: Record<string, unknown>) => {
      const [head, , signature] = String(body['id_token']).split('.');
      const claims = change(decodeJwt(String(body['id_token'])));
      const payload = Buffer.from(JSON.stringify(claims)).toString('base64url');
      return { ...body, id_token: `${head}.${payload}.${signature}` };
    };
    const withSecret = async (body: Record<string, unknown>) => ({
      ...body,
      id_token: await new SignJWT(decodeJwt(String(body['id_token'])))
        .setProtectedHeader({ alg: 'HS256' })
        .sign(new TextEncoder().encode(client.client_secret)),
    });

    const forgeries: Record<string, () => Promise<(body: Record<string, unknown>) => unknown>> = {
      'signed with a key that the provider does not publish': () => forged((claims) => claims),
      'signed with a key of an unknown name': () => forged((claims) => claims, 'RS256', randomUUID()),
      'signed with another algorithm': () => forged((claims) => claims, 'ES256'),
      'signed with our own secret': async () => withSecret,
      'not signed': async () => unsigned,
      'of somebody else': async () => edited((claims) => ({ ...claims, sub: 'somebody else' })),
      'of nobody': async () => edited(({ sub: _, ...claims }) => claims),
      'of another issuer': async () => edited((claims) => ({ ...claims, iss: 'https://evil.example' })),
      expired: async () => edited((claims) => ({ ...claims, exp: 1 })),
      'not there': async () => (body) => ({ ...body, id_token: undefined }),
      'that is no text': async () => (body) => ({ ...body, id_token: 7 }),
    };
    test.each(Object.keys(forgeries))('%s is refused', async (what) => {
      const make = await forgeries[what]?.();
      const { code, state } = await ready();
      world.provider.tamper(async (body) => Object(await make?.(body)) as Record<string, unknown>);
      expect((await world.finish('google', { code, state })).refusal).toEqual(refusal);
    });
  });

  test('and who was refused can begin again', async () => {
    expect((await world.signIn('google', world.newcomer().who)).status).toBe(200);
  });
});

describe('a provider that does not answer', () => {
  const outages = [
    { status: 500 },
    { status: 503, headers: { 'retry-after': '42' } },
    { status: 429, headers: { 'retry-after': '42' } },
    { status: 200, headers: { 'content-type': 'text/html' }, body: '<h1>Maintenance</h1>' },
    { status: 200, headers: { 'content-type': 'application/json' }, body: '{"access' },
    {
      status: 200,
      headers: { 'content-type': 'application/json' },
      body: '{"access_token": "x", "token_type": "bearer", "id_token": "a.b.c"}',
    },
  ];

  test.each(outages)(
    'when codes are exchanged ($status $body) is a 503 with Retry-After, and not for ever',
    async (what) => {
      const { code, state, who } = await ready();
      world.provider.breakDown(/^\/token$/, what);
      const reply = await world.finish('google', { code, state });
      expect([reply.status, reply.json()['code']]).toEqual([503, 'provider_unavailable']);
      expect(reply.headers.get('retry-after')).toBe('headers' in what && 'retry-after' in what.headers ? '42' : '10');
      world.provider.breakDown(/./, undefined);
      expect((await world.signIn('google', who)).status).toBe(200);
    },
  );

  test('when its keys are asked for is a 503', async () => {
    // Its keys are remembered, so a provider is needed that was never asked.
    const { code, state } = await ready('microsoft');
    world.provider.breakDown(/^\/jwks$/, { status: 500 });
    const reply = await world.finish('microsoft', { code, state });
    expect([reply.status, reply.headers.get('retry-after')]).toEqual([503, '10']);
  });

  test('after an hour goes on with what it said of itself before', async () => {
    await world.begin();
    const asked = () => world.provider.requests.filter((one) => one.includes('openid-configuration')).length;
    const before = asked();
    await world.begin();
    expect(asked()).toBe(before);
    world.forward(61);
    world.provider.breakDown(/openid-configuration/, { status: 500 });
    await world.begin();
    expect(asked()).toBe(before + 1);
    world.provider.breakDown(/./, undefined);
    await world.begin();
    expect(asked()).toBe(before + 2);
  });

  test('nothing secret of it all is in the log', async () => {
    const { code, state, auth_url } = await ready();
    world.provider.breakDown(/^\/token$/, { status: 500, body: `about ${code}` });
    await world.finish('google', { code, state });
    world.provider.breakDown(/./, undefined);
    await world.finish('google', { code, state });
    const other = await ready();
    await world.finish('google', { code: other.code, state: other.state });
    const log = world.lab.app.log.join('\n');
    const nonce = new URL(auth_url).searchParams.get('nonce');
    for (const secret of [code, state, nonce, other.code, other.state, client.client_secret, 'eyJ']) {
      expect(log).not.toContain(secret);
    }
  });
});
