import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import document from '../../docs/openapi.json' with { type: 'json' };
import { functions } from '../../functions/index.ts';
import { type Azurite, startAzurite } from '../../local/azurite.ts';
import { ConfigError, loadConfig } from '../../shared/platform/config.ts';
import { buildOpenApi } from '../../shared/platform/openapi.ts';
import { type Lab, startLab } from './client.ts';

let dataDir: string;
let azurite: Azurite;
let lab: Lab;
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'lyceum-platform-'));
  azurite = await startAzurite({ port: 0, dataDir });
  const settings = { AzureWebJobsStorage: azurite.connectionString, CORS_ORIGINS: 'https://campus.example.org' };
  lab = await startLab({ settings });
});
afterAll(async () => {
  await lab.close();
  await azurite.close();
  await rm(dataDir, { recursive: true, force: true });
});

describe('health', () => {
  test('/health answers without asking anything else', async () => {
    const reply = await lab.anyone('GET', '/health');
    expect([reply.status, reply.json()]).toEqual([200, { status: 'ok' }]);
    const line = lab.app.lines().findLast((one) => one.operation === 'get-health');
    expect(line?.cosmos_calls).toBe(0);
  });

  test('/health/ready tells of everything that requests need', async () => {
    const reply = await lab.anyone('GET', '/health/ready');
    expect([reply.status, reply.text]).toEqual([200, expect.any(String)]);
    const { status, checks } = reply.json<{ status: string; checks: Record<string, { ok: boolean; ms: number }> }>();
    expect(status).toBe('ok');
    expect(Object.keys(checks).sort()).toEqual(['blob', 'cosmos', 'llm', 'service_bus']);
    for (const check of Object.values(checks)) expect(check).toEqual({ ok: true, ms: expect.any(Number) });
  });
});

describe('the documentation', () => {
  test.each(['/docs', '/redoc', '/docs/'])('%s is a page that needs nothing from elsewhere', async (path) => {
    const reply = await lab.anyone('GET', path);
    expect(reply.status).toBe(200);
    expect(reply.headers.get('content-type')).toBe('text/html; charset=utf-8');
    const policy = reply.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/https?:|\*|unsafe-eval|script-src[^;]*unsafe-inline/);
    expect(reply.text).not.toMatch(/(?:src|href)="(?:https?:)?\/\//);
    const assets = [...reply.text.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, asset = '']) => asset);
    expect(assets.length).toBeGreaterThanOrEqual(3);
    for (const asset of assets) expect([asset, (await lab.anyone('GET', asset)).status]).toEqual([asset, 200]);
  });

  test.each([
    ['swagger-ui.css', 'text/css'],
    ['swagger-ui-bundle.js', 'text/javascript'],
    ['start.js', 'text/javascript'],
  ])('%s has its type and may be kept', async (file, type) => {
    const reply = await lab.anyone('GET', `/docs/assets/${file}`);
    expect(reply.headers.get('content-type')).toMatch(new RegExp(`^${type}`));
    expect(reply.headers.get('cache-control')).toMatch(/max-age=\d+/);
    expect(reply.text.length).toBeGreaterThan(100);
  });

  test.each([
    'package.json',
    '..%2f..%2fpackage.json',
    '%2e%2e%2fpackage.json',
    'swagger-ui.css%00',
    'constructor',
    '__proto__',
    '.',
  ])('no other file is served: %s', async (file) => {
    const reply = await lab.anyone('GET', `/docs/assets/${file}`);
    expect([404, 422]).toContain(reply.status);
    expect(reply.headers.get('content-type')).toBe('application/problem+json');
  });

  test('/openapi.json is the committed document, which is what the declarations say', async () => {
    const reply = await lab.anyone('GET', '/openapi.json');
    expect(reply.headers.get('content-type')).toBe('application/json');
    expect(reply.json()).toEqual(document);
    const built = buildOpenApi(functions.filter((item) => item.kind === 'endpoint'));
    expect(JSON.parse(JSON.stringify(built)), 'run npm run generate').toEqual(document);
  });
});

describe('every answer', () => {
  test('has its own request id, which is in the log with what it cost', async () => {
    const reply = await lab.root.get('/api/auth/me');
    const id = reply.headers.get('x-request-id');
    const line = lab.app.lines().find((one) => one['request_id'] === id);
    expect(line).toMatchObject({ event: 'request', operation: 'get-me', status: 200, user_id: lab.root.id });
    expect(line?.['ms']).toEqual(expect.any(Number));
    const other = await lab.root.get('/api/auth/me');
    expect(other.headers.get('x-request-id')).not.toBe(id);
  });

  test('of an unknown path carries the request id that was sent, and the headers of any answer', async () => {
    const reply = await lab.anyone('GET', '/nowhere', {
      headers: { 'x-request-id': 'mine', origin: 'https://campus.example.org' },
    });
    expect([reply.status, reply.headers.get('x-request-id'), reply.json()['request_id']]).toEqual([
      404,
      'mine',
      'mine',
    ]);
    expect(reply.headers.get('x-content-type-options')).toBe('nosniff');
    expect(reply.headers.get('access-control-allow-origin')).toBe('https://campus.example.org');
  });

  test.each([
    'https://evil.example.org',
    'https://campus.example.org.evil.org',
    'null',
    'http://campus.example.org',
    'https://CAMPUS.example.org:8443',
  ])('is kept from pages of %s', async (origin) => {
    for (const method of ['GET', 'OPTIONS']) {
      const reply = await lab.anyone(method, '/health', {
        headers: { origin, 'access-control-request-method': 'GET' },
      });
      expect(reply.headers.get('access-control-allow-origin')).toBeNull();
      expect(reply.headers.get('access-control-allow-credentials')).toBeNull();
    }
  });
});

describe('settings', () => {
  const problems = (settings: Record<string, string>): string => {
    try {
      loadConfig(settings);
    } catch (error) {
      if (error instanceof ConfigError) return error.message;
      throw error;
    }
    return '';
  };
  const right = () => ({ ...lab.app.settings });

  test('that are all missing are all named at once', () => {
    const message = problems({});
    for (const name of [
      'JWT_SECRET',
      'CosmosConnection',
      'ServiceBusConnection',
      'AzureWebJobsStorage',
      'ANTHROPIC_API_KEY',
    ]) {
      expect(message).toContain(name);
    }
  });

  test('that are right are taken, and empty ones count as absent', () => {
    expect(problems({ ...right(), OPENAI_API_KEY: '', CORS_ORIGINS: '' })).toBe('');
  });

  test.each([
    ['JWT_SECRET', 'short-secret'],
    ['ACCESS_TOKEN_EXPIRE_MINUTES', '0'],
    ['RATE_LIMIT_SCALE', '-1'],
    ['LOG_LEVEL', 'loud'],
    ['CORS_ORIGINS', '*'],
    ['LLM_PRICES', '{'],
    ['LLM_PROVIDERS', 'nobody'],
    ['CosmosConnection', 'AccountEndpoint-without-key-canary'],
    ['BOOTSTRAP_ADMIN_PASSWORD', 'canary7'],
    ['ANTHROPIC_BASE_URL', 'no address canary'],
  ])('%s is named when it is wrong, and its value is never printed', (name, value) => {
    const message = problems({ ...right(), [name]: value });
    expect(message).toContain(name);
    if (value.length > 5) expect(message).not.toContain(value);
  });

  test('that Functions could not read from the vault are told, instead of a reference that all can guess taken for the secret', () => {
    const reference = '@Microsoft.KeyVault(SecretUri=https://kv-lyceum.vault.azure.net/secrets/jwt-secret)';
    const message = problems({ ...right(), JWT_SECRET: reference, OPENAI_API_KEY: reference });
    expect(message).toMatch(/JWT_SECRET: its reference to Key Vault was not resolved/);
    expect(message).toMatch(/OPENAI_API_KEY: its reference to Key Vault was not resolved/);
  });

  test('of production allow no simulator that nobody asked for', () => {
    expect(problems({ ...right(), LYCEUM_ENVIRONMENT: 'production' })).toContain('LLM_ALLOW_SIMULATOR');
    // The GitHub of tests is on this machine, which is not right for production either.
    const production = { ...right(), LYCEUM_ENVIRONMENT: 'production', GITHUB_URL: '', GITHUB_API_URL: '' };
    expect(problems({ ...production, LLM_ALLOW_SIMULATOR: 'true' })).toBe('');
  });
});

// The last test of this file, because it takes away what the others need.
test('/health/ready answers 503 and names what is gone, while /health stays well', async () => {
  await azurite.close();
  const reply = await lab.anyone('GET', '/health/ready');
  expect([reply.status, reply.json()['code']]).toEqual([503, 'unavailable']);
  expect(String(reply.detail)).toMatch(/blob/);
  expect(String(reply.detail)).not.toMatch(/cosmos|service_bus/);
  expect(Number(reply.headers.get('retry-after'))).toBeGreaterThan(0);
  expect((await lab.anyone('GET', '/health')).status).toBe(200);
});
