import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../shared/platform/config.ts';
import { redirectUriOf } from '../../shared/platform/sign-in-settings.ts';

const base = {
  CosmosConnection: 'AccountEndpoint=http://127.0.0.1:1/;AccountKey=eA==;',
  ServiceBusConnection: 'Endpoint=sb://127.0.0.1:1',
  AzureWebJobsStorage: 'UseDevelopmentStorage=true',
  JWT_SECRET: 'k'.repeat(32),
  DATA_ENCRYPTION_KEY: 'k'.repeat(32),
  LLM_ALLOW_SIMULATOR: 'true',
};
const load = (settings: Record<string, string>) => loadConfig({ ...base, ...settings });

describe('settings for sign-in with providers', () => {
  test('need none to start, nor a way to send e-mails', () => {
    expect(load({}).GITHUB_URL).toBe('https://github.com');
  });

  test.each(['MICROSOFT', 'GOOGLE', 'GITHUB'])('of %s go together', (name) => {
    for (const one of ['CLIENT_ID', 'CLIENT_SECRET']) {
      expect(() => load({ [`${name}_${one}`]: 'x' })).toThrow(
        `${name}_CLIENT_ID and ${name}_CLIENT_SECRET: are needed together`,
      );
    }
    expect(() => load({ [`${name}_CLIENT_ID`]: 'x', [`${name}_CLIENT_SECRET`]: 'y' })).not.toThrow();
  });

  test.each(['MICROSOFT_ISSUER', 'GOOGLE_ISSUER', 'GITHUB_URL', 'GITHUB_API_URL'])(
    '%s may do without TLS on a laptop and to the laptop itself, nowhere else',
    (name) => {
      for (const LYCEUM_ENVIRONMENT of ['local', 'production']) {
        expect(() => load({ LYCEUM_ENVIRONMENT, [name]: 'https://id.example.org' })).not.toThrow();
        for (const address of ['http://id.example.org', 'http://127.0.0.1.evil.example', 'ftp://127.0.0.1']) {
          expect(() => load({ LYCEUM_ENVIRONMENT, [name]: address })).toThrow(`${name}: must begin with https://`);
        }
      }
      for (const address of ['http://127.0.0.1:1234', 'http://localhost:1234']) {
        expect(() => load({ LYCEUM_ENVIRONMENT: 'local', [name]: address })).not.toThrow();
        expect(() => load({ LYCEUM_ENVIRONMENT: 'production', [name]: address })).toThrow(name);
      }
    },
  );

  test('say where providers send people back to', () => {
    expect(redirectUriOf(load({ APP_URL: 'https://a.example/x/' }), 'github')).toBe(
      'https://a.example/x/auth/github/callback',
    );
    expect(redirectUriOf(load({ SIGN_IN_REDIRECT_URL: 'https://a.example/{provider}' }), 'google')).toBe(
      'https://a.example/google',
    );
    for (const SIGN_IN_REDIRECT_URL of ['https://a.example/?from={provider}', 'https://a.example/#{provider}']) {
      expect(() => load({ SIGN_IN_REDIRECT_URL })).toThrow('SIGN_IN_REDIRECT_URL: must have neither ? nor #');
    }
  });
});

test('a worker does without what lets people in, and nothing else does', () => {
  const { JWT_SECRET: _, ...without } = base;
  const settings = { ...without, GITHUB_CLIENT_ID: 'x' };
  expect(() => loadConfig({ ...settings, LYCEUM_PART: 'worker' })).not.toThrow();
  for (const LYCEUM_PART of ['api', 'all']) {
    const loading = () => loadConfig({ ...settings, LYCEUM_PART });
    expect(loading).toThrow('JWT_SECRET or JWT_KEYS: is required');
    expect(loading).toThrow('GITHUB_CLIENT_ID and GITHUB_CLIENT_SECRET: are needed together');
  }
});

test('a folder for e-mails is for laptops', () => {
  expect(() => load({ EMAIL_FOLDER: 'mails' })).toThrow('EMAIL_FOLDER: is for the local stack');
  expect(() => load({ EMAIL_FOLDER: 'mails', LYCEUM_ENVIRONMENT: 'local' })).not.toThrow();
});
