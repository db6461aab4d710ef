import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { newAccount } from '../../shared/identity/account-documents.ts';
import { isSessionOn } from '../../shared/identity/account-rules.ts';
import type { UserDocument } from '../../shared/identity/schemas.ts';
import {
  endedSessionsMax,
  isOver,
  withAllSessionsEnded,
  withSessionEnded,
} from '../../shared/identity/session-rules.ts';
import type { SessionDocument } from '../../shared/identity/session-schemas.ts';

const account: UserDocument = newAccount({
  user_id: 'ann',
  username: 'ann',
  email: null,
  full_name: null,
  role: 'student',
  created_at: '',
  updated_at: '',
  password_hash: null,
});
const nowMs = Date.UTC(2026, 0, 5);
const iso = (ms: number) => new Date(nowMs + ms).toISOString();
const ended = fc.array(
  fc.record({ session_id: fc.uuid(), until_ms: fc.integer({ min: nowMs - 1000, max: nowMs + 1000 }) }),
  { maxLength: endedSessionsMax + 20 },
);
const versions = fc.integer({ min: 1, max: 5 });

describe('ending one session', () => {
  test('ends it, whatever else has ended, and never brings one back whose tokens are valid', () => {
    fc.assert(
      fc.property(ended, fc.uuid(), versions, (before, id, version) => {
        const start = { ...account, session_version: version, ended_sessions: before };
        const after = withSessionEnded(start, id, nowMs, nowMs + 500);
        expect(isSessionOn(after, { session_id: id, version })).toBe(false);
        for (const { session_id, until_ms } of before) {
          if (until_ms > nowMs) expect(isSessionOn(after, { session_id, version })).toBe(false);
        }
        expect(after.ended_sessions.length).toBeLessThanOrEqual(endedSessionsMax);
      }),
    );
  });

  test('leaves the others on, as long as there is room to remember it', () => {
    fc.assert(
      fc.property(ended, fc.uuid(), fc.uuid(), (before, id, other) => {
        fc.pre(id !== other && !before.some(({ session_id }) => session_id === other));
        const live = before.filter(({ until_ms }) => until_ms > nowMs).length;
        const after = withSessionEnded({ ...account, ended_sessions: before }, id, nowMs, nowMs + 500);
        expect(isSessionOn(after, { session_id: other, version: 1 })).toBe(live < endedSessionsMax);
      }),
    );
  });

  test('remembers it once, until its last access token expires, and forgets what has expired', () => {
    const before = [
      { session_id: 'gone', until_ms: nowMs },
      { session_id: 'mine', until_ms: nowMs + 1 },
      { session_id: 'other', until_ms: nowMs + 1 },
    ];
    const after = withSessionEnded({ ...account, ended_sessions: before }, 'mine', nowMs, nowMs + 9);
    expect(after.ended_sessions).toEqual([
      { session_id: 'other', until_ms: nowMs + 1 },
      { session_id: 'mine', until_ms: nowMs + 9 },
    ]);
    expect(after.session_version).toBe(1);
  });

  test('beyond the limit ends all', () => {
    const full = Array.from({ length: endedSessionsMax }, (_, i) => ({ session_id: `${i}`, until_ms: nowMs + 1 }));
    const fits = withSessionEnded({ ...account, ended_sessions: full.slice(1) }, 'x', nowMs, nowMs + 1);
    expect([fits.session_version, fits.ended_sessions.length]).toEqual([1, endedSessionsMax]);
    const over = withSessionEnded({ ...account, ended_sessions: full }, 'x', nowMs, nowMs + 1);
    expect(over).toMatchObject({ session_version: 2, kept_session_id: null, ended_sessions: [] });
  });
});

test('ending all sessions ends every one that there is, but the one that is kept', () => {
  fc.assert(
    fc.property(
      versions,
      fc.option(fc.uuid(), { nil: null }),
      fc.uuid(),
      fc.uuid(),
      (version, keptBefore, kept, other) => {
        fc.pre(kept !== other && keptBefore !== kept);
        const before = { ...account, session_version: version, kept_session_id: keptBefore };
        for (const after of [withAllSessionsEnded(before), withAllSessionsEnded(before, kept)]) {
          for (const old of [1, version]) {
            expect(isSessionOn(after, { session_id: other, version: old })).toBe(false);
            if (keptBefore !== null) expect(isSessionOn(after, { session_id: keptBefore, version: old })).toBe(false);
            expect(isSessionOn(after, { session_id: kept, version: old })).toBe(after.kept_session_id === kept);
          }
          expect(isSessionOn(after, { session_id: other, version: after.session_version })).toBe(true);
        }
      },
    ),
  );
});

test('without sessions, no session of before is on, not even the one that was kept', () => {
  const before = { ...account, session_version: 4, kept_session_id: 'kept' };
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4 }), fc.constantFrom('kept', 'other'), (version, session_id) => {
      expect(isSessionOn(withAllSessionsEnded(before), { version, session_id })).toBe(false);
    }),
  );
});

test('a session that was ended is not brought back by keeping it while the others end', () => {
  const one = { session_id: 'asks', until_ms: nowMs + 500 };
  const before = { ...account, ended_sessions: [one, { ...one, session_id: 'other' }] };
  const after = withAllSessionsEnded(before, 'asks');
  expect(isSessionOn(after, { session_id: 'asks', version: 1 })).toBe(false);
  expect(after.ended_sessions).toEqual([one]);
});

describe('a session', () => {
  const times = { idleMs: 10_000, tailMs: 1_000 };
  const session: SessionDocument = {
    id: 'session:s',
    pk: 'ann',
    type: 'session',
    schema_version: 1,
    session_id: 's',
    user_id: 'ann',
    version: 1,
    refresh: { family_hash: '', current_hash: '', previous: null },
    proofs: ['password'],
    proved_at: iso(0),
    address: 'unknown',
    user_agent: null,
    created_at: iso(0),
    last_used_at: iso(0),
    expires_at: iso(100_000),
    ended_at: null,
    ttl: 1,
  };

  test.each<[string, Partial<SessionDocument>, Partial<UserDocument>, number, boolean]>([
    ['is on after a log-in', {}, {}, 0, false],
    ['is over when it was idle', {}, {}, 10_000, true],
    ['is over when all have ended', {}, { session_version: 2 }, 0, true],
    ['is on when it was kept', {}, { session_version: 2, kept_session_id: 's' }, 0, false],
    ['is over when the account says so', {}, { ended_sessions: [{ session_id: 's', until_ms: nowMs }] }, 0, true],
    ['is on while it has only begun to end', { ended_at: iso(0) }, {}, 999, false],
    ['is over when its last tokens have expired after that', { ended_at: iso(0) }, {}, 1_000, true],
  ])('%s', (_what, change, onAccount, afterMs, expected) => {
    expect(isOver({ ...session, ...change }, { ...account, ...onAccount }, nowMs + afterMs, times)).toBe(expected);
  });
});
