import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decideRefresh,
  formatRefreshToken,
  hashOf,
  isExpired,
  isOfFamily,
  parseRefreshToken,
  type RefreshToken,
  rotated,
  successorOf,
} from '../../shared/identity/refresh-rules.ts';
import type { SessionDocument } from '../../shared/identity/session-schemas.ts';

const startMs = Date.UTC(2026, 0, 5);
const at = (ms: number) => new Date(startMs + ms).toISOString();
const policy = { idleMs: 1_000_000, repeatMs: 10_000 };
const here = { address: '192.0.2.1', user_agent: 'browser' };

const bytes = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((array) => Buffer.from(array));
const ids = fc.uuid();
const tokens = fc.record<RefreshToken>({ user_id: ids, session_id: ids, family: bytes, secret: bytes });

function sessionOf(token: RefreshToken): SessionDocument {
  return {
    id: `session:${token.session_id}`,
    pk: token.user_id,
    type: 'session',
    schema_version: 1,
    session_id: token.session_id,
    user_id: token.user_id,
    version: 1,
    refresh: { family_hash: hashOf(token.family), current_hash: hashOf(token.secret), previous: null },
    proofs: ['password'],
    proved_at: at(0),
    ...here,
    created_at: at(0),
    last_used_at: at(0),
    expires_at: at(5_000_000),
    ended_at: null,
    ttl: 1,
  };
}

/** The session and its tokens after so many rotations, one a minute; the last token is the current one. */
function chain(token: RefreshToken, rotations: number) {
  let session = sessionOf(token);
  const secrets = [token.secret];
  for (let i = 1; i <= rotations; i += 1) {
    const current = { ...token, secret: secrets.at(-1) ?? token.secret };
    const next = rotated(session, current, { caller: here, salt: `salt ${i}`, at: at(i * 60_000), version: 1 });
    session = next.session;
    secrets.push(next.successor);
  }
  return { session, secrets, lastMs: startMs + rotations * 60_000 };
}

describe('a refresh token', () => {
  test('is read as it was written', () => {
    fc.assert(
      fc.property(tokens, (token) => {
        const text = formatRefreshToken(token);
        expect(text).toMatch(/^lyr_[\w-]{128}$/);
        expect(parseRefreshToken(text)).toEqual(token);
      }),
    );
  });

  test('has one spelling: any other text is none', () => {
    fc.assert(
      fc.property(tokens, fc.nat(131), fc.string({ minLength: 1, maxLength: 1 }), (token, place, letter) => {
        const text = formatRefreshToken(token);
        const changed = text.slice(0, place) + letter + text.slice(place + 1);
        const read = parseRefreshToken(changed);
        if (changed === text) return;
        expect(read === undefined || formatRefreshToken(read) === changed).toBe(true);
        expect(read).not.toEqual(token);
      }),
    );
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(parseRefreshToken(text)).toBeUndefined();
      }),
    );
    expect(parseRefreshToken(`lyr_${'A'.repeat(127)}`)).toBeUndefined();
    expect(parseRefreshToken(`lyr_${'A'.repeat(129)}`)).toBeUndefined();
    expect(parseRefreshToken(`lyx_${'A'.repeat(128)}`)).toBeUndefined();
  });

  test('follows from the one before and the salt, and from nothing less', () => {
    fc.assert(
      fc.property(bytes, bytes, fc.string(), fc.string(), (one, other, salt, otherSalt) => {
        expect(successorOf(one, salt)).toEqual(successorOf(one, salt));
        expect(successorOf(one, salt)).toHaveLength(32);
        if (!one.equals(other)) expect(successorOf(one, salt)).not.toEqual(successorOf(other, salt));
        if (salt !== otherSalt) expect(successorOf(one, salt)).not.toEqual(successorOf(one, otherSalt));
        expect(successorOf(one, salt)).not.toEqual(one);
      }),
    );
  });
});

describe('of all tokens of a session', () => {
  const rotations = fc.integer({ min: 0, max: 6 });

  test('the current one rotates, all older ones are reuse, whoever comes with them', () => {
    fc.assert(
      fc.property(tokens, rotations, (token, count) => {
        const { session, secrets, lastMs } = chain(token, count);
        const kinds = secrets.map(
          (secret) => decideRefresh(session, { ...token, secret }, here, lastMs + policy.repeatMs + 1, policy).kind,
        );
        expect(kinds).toEqual([...Array.from({ length: count }, () => 'reused'), 'rotate']);
      }),
    );
  });

  test('the one before is a benign repeat for a moment and for the same client, and leads to the current one', () => {
    fc.assert(
      fc.property(
        tokens,
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: -20_000, max: 20_000 }),
        fc.constantFrom(here, { ...here, address: '192.0.2.2' }, { ...here, user_agent: null }),
        (token, count, afterMs, caller) => {
          const { session, secrets, lastMs } = chain(token, count);
          const secret = secrets[count - 1] ?? token.secret;
          const decision = decideRefresh(session, { ...token, secret }, caller, lastMs + afterMs, policy);
          const isBenign = caller === here && Math.abs(afterMs) <= policy.repeatMs;
          expect(decision).toEqual(isBenign ? { kind: 'repeat', successor: secrets[count] } : { kind: 'reused' });
        },
      ),
    );
  });

  test('one that is older than that is never a benign repeat', () => {
    fc.assert(
      fc.property(tokens, fc.integer({ min: 2, max: 6 }), (token, count) => {
        const { session, secrets, lastMs } = chain(token, count);
        const secret = secrets[count - 2] ?? token.secret;
        expect(decideRefresh(session, { ...token, secret }, here, lastMs, policy).kind).toBe('reused');
      }),
    );
  });

  test('what was never one of them decides nothing', () => {
    fc.assert(
      fc.property(tokens, rotations, bytes, bytes, (token, count, family, secret) => {
        const { session, lastMs } = chain(token, count);
        fc.pre(!family.equals(token.family));
        expect(isOfFamily(session.refresh, { ...token, family })).toBe(false);
        expect(decideRefresh(session, { ...token, family, secret }, here, lastMs, policy).kind).toBe('refused');
        expect(decideRefresh(session, { ...token, family }, here, lastMs, policy).kind).toBe('refused');
        expect(isOfFamily(session.refresh, { ...token, secret })).toBe(true);
        // Of the family, but not the last one: the server cannot know how old it is.
        expect(decideRefresh(session, { ...token, secret }, here, lastMs, policy).kind).toBe('reused');
      }),
    );
  });

  test('none is good after the session has ended or expired', () => {
    fc.assert(
      fc.property(tokens, rotations, (token, count) => {
        const { session, secrets, lastMs } = chain(token, count);
        for (const secret of secrets) {
          const ended = { ...session, ended_at: at(0) };
          const kind = (one: SessionDocument, ms: number) =>
            decideRefresh(one, { ...token, secret }, here, ms, policy).kind;
          expect(kind(ended, lastMs)).toBe('refused');
          expect(kind(session, lastMs + policy.idleMs)).toBe('refused');
          expect(kind({ ...session, expires_at: at(1) }, lastMs + 1)).toBe('refused');
        }
      }),
    );
  });
});

test('a rotation stores no secret and keeps what the session is', () => {
  fc.assert(
    fc.property(tokens, fc.integer({ min: 1, max: 4 }), (token, count) => {
      const { session, secrets } = chain(token, count);
      const text = JSON.stringify(session);
      for (const secret of [...secrets, token.family]) {
        for (const form of ['hex', 'base64', 'base64url'] as const) expect(text).not.toContain(secret.toString(form));
      }
      expect(session).toMatchObject({
        session_id: token.session_id,
        created_at: at(0),
        expires_at: at(5_000_000),
        last_used_at: at(count * 60_000),
        refresh: { family_hash: hashOf(token.family), current_hash: hashOf(secrets[count] ?? token.secret) },
      });
    }),
  );
});

test('a rotation says where the session was used last, and of which version of the account', () => {
  const token = {
    user_id: crypto.randomUUID(),
    session_id: crypto.randomUUID(),
    family: Buffer.alloc(32),
    secret: Buffer.alloc(32, 1),
  };
  const caller = { address: '192.0.2.9', user_agent: 'other' };
  const { session } = rotated(sessionOf(token), token, { caller, salt: 's', at: at(5), version: 7 });
  expect(session).toMatchObject({ ...caller, version: 7, last_used_at: at(5) });
  expect(session.refresh.previous).toEqual({ hash: hashOf(token.secret), salt: 's', used_at: at(5), ...caller });
});

test('a session expires at its end or after it was idle, whichever is first, to the millisecond', () => {
  const session = sessionOf({ user_id: '', session_id: '', family: Buffer.alloc(32), secret: Buffer.alloc(32) });
  const end = startMs + 5_000_000;
  expect(isExpired(session, startMs + policy.idleMs - 1, policy)).toBe(false);
  expect(isExpired(session, startMs + policy.idleMs, policy)).toBe(true);
  const used = { ...session, last_used_at: at(4_900_000) };
  expect(isExpired(used, end - 1, policy)).toBe(false);
  expect(isExpired(used, end, policy)).toBe(true);
});
