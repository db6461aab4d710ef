import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AccountLinkDocument } from '../../shared/identity/account-link-documents.ts';
import { isLinkGood, linkLifetimesMs, nextLinkStep, recentMails } from '../../shared/identity/account-link-rules.ts';
import type { InvitationDocument } from '../../shared/identity/invitation-documents.ts';
import { isInvitationOpen, toInvitation } from '../../shared/identity/invitation-rules.ts';
import { assertMayInvite, assertMayRegister, nameRefusal } from '../../shared/identity/registration-rules.ts';
import { AppError } from '../../shared/platform/errors.ts';
import { type Permission, permissionsOfRole } from '../../shared/platform/permissions.ts';

const of = (role: string) => permissionsOfRole(role) ?? new Set<Permission>();
const codeOf = (run: () => unknown): string | undefined => {
  try {
    run();
    return undefined;
  } catch (error) {
    // A refusal says why, in words that a person can read.
    return error instanceof AppError && /^\w.{20,}/.test(error.message) ? error.code : 'thrown';
  }
};

describe('who may register', () => {
  const student = { policy: 'open' as const, role: 'student' };
  test('anybody where it is open, as what the settings say', () => {
    expect(codeOf(() => assertMayRegister(student, {}, of('student')))).toBeUndefined();
    expect(codeOf(() => assertMayRegister(student, { role: 'student' }, of('student')))).toBeUndefined();
    expect(codeOf(() => assertMayRegister(student, { role: 'teacher' }, of('student')))).toBe('registration_closed');
    expect(codeOf(() => assertMayRegister({ ...student, role: 'teacher' }, {}, of('teacher')))).toBeUndefined();
    expect(codeOf(() => assertMayRegister({ ...student, role: 'admin' }, {}, of('admin')))).toBe('registration_closed');
    expect(codeOf(() => assertMayRegister({ ...student, role: 'gone' }, {}, new Set()))).toBe('registration_closed');
  });

  test('nobody without an invitation elsewhere, and invitations are not for where staff make all accounts', () => {
    for (const policy of ['invite', 'staff_only'] as const) {
      expect(codeOf(() => assertMayRegister({ ...student, policy }, {}, of('student')))).toBe('registration_closed');
    }
    expect(['open', 'invite', 'staff_only'].map((policy) => codeOf(() => assertMayInvite(policy as 'open')))).toEqual([
      undefined,
      undefined,
      'registration_closed',
    ]);
  });

  test('each kind of client hears of a taken name in its own way', () => {
    expect(nameRefusal('email', 'conflict')).toMatchObject({ status: 409, message: 'Email already registered' });
    expect(nameRefusal('email', 'bad_request')).toMatchObject({ status: 400, message: 'Email already registered' });
    expect(nameRefusal('username', 'conflict')).toMatchObject({ status: 409, message: 'Username already taken' });
    expect(nameRefusal('username', 'bad_request')).toMatchObject({
      status: 400,
      message: 'Username already registered',
    });
    for (const [style, status] of [
      ['conflict', 409],
      ['bad_request', 400],
    ] as const) {
      const message = 'Username looks too much like one that is taken';
      expect(nameRefusal('look_alike', style)).toMatchObject({ status, message });
    }
  });
});

describe('a link that is mailed', () => {
  const nowMs = Date.UTC(2026, 0, 5, 12);
  const at = (ms: number) => new Date(nowMs + ms).toISOString();
  const minute = 60_000;
  const link = (fields: Partial<AccountLinkDocument> = {}): AccountLinkDocument => ({
    id: 'password_reset:u',
    pk: 'accounts',
    type: 'account_link',
    schema_version: 1,
    kind: 'password_reset',
    user_id: 'u',
    email: 'a@example.org',
    token_hash: 'h',
    job_id: 'first',
    requested_at: at(-minute),
    expires_at: at(59 * minute),
    session_version: 3,
    used_at: null,
    mailed_at: [at(-minute)],
    ttl: 1,
    ...fields,
  });
  const account = { email: 'a@example.org', session_version: 3, status: 'active' as const };
  const request = { kind: 'password_reset' as const, job_id: 'second', requested_at: at(0) };

  test('is good until it is used, is too old, or the account has changed', () => {
    expect(isLinkGood(link(), account, nowMs)).toBe(true);
    expect(isLinkGood(link({ used_at: at(-1) }), account, nowMs)).toBe(false);
    expect(isLinkGood(link({ expires_at: at(1) }), account, nowMs)).toBe(true);
    expect(isLinkGood(link({ expires_at: at(0) }), account, nowMs)).toBe(false);
    expect(isLinkGood(link(), { ...account, email: 'b@example.org' }, nowMs)).toBe(false);
    expect(isLinkGood(link(), { ...account, status: 'suspended' }, nowMs)).toBe(false);
    expect(isLinkGood(link(), { ...account, session_version: 4 }, nowMs)).toBe(false);
    expect(isLinkGood(link({ kind: 'email_verification' }), { ...account, session_version: 4 }, nowMs)).toBe(true);
    expect(linkLifetimesMs).toEqual({ password_reset: 3_600_000, email_verification: 86_400_000 });
  });

  test('is new for a new request, the same for one that failed, and none for one that is late, overtaken or served', () => {
    expect(nextLinkStep(undefined, request, nowMs)).toBe('mail');
    expect(nextLinkStep(link(), request, nowMs)).toBe('mail');
    expect(nextLinkStep(link(), { ...request, requested_at: at(-minute) }, nowMs)).toBe('mail');
    expect(nextLinkStep(link(), { ...request, job_id: 'first' }, nowMs)).toBe('mail_again');
    expect(nextLinkStep(link({ used_at: at(0) }), { ...request, job_id: 'first' }, nowMs)).toBe('leave');
    expect(nextLinkStep(link(), { ...request, requested_at: at(-2 * minute) }, nowMs)).toBe('leave');
    expect(nextLinkStep(undefined, { ...request, requested_at: at(-60 * minute) }, nowMs)).toBe('leave');
    expect(nextLinkStep(undefined, { ...request, requested_at: at(-60 * minute + 1) }, nowMs)).toBe('mail');
  });

  test('does not come a sixth time within an hour, and comes again when the first is an hour old', () => {
    const five = [59, 40, 30, 20, 10].map((minutes) => at(-minutes * minute));
    expect(nextLinkStep(link({ mailed_at: five }), request, nowMs)).toBe('leave');
    expect(nextLinkStep(link({ mailed_at: five.slice(1) }), request, nowMs)).toBe('mail');
    expect(nextLinkStep(link({ mailed_at: [at(-60 * minute), ...five.slice(1)] }), request, nowMs)).toBe('mail');
    expect(recentMails([at(-60 * minute), at(-60 * minute + 1)], nowMs)).toEqual([at(-60 * minute + 1)]);
  });

  test('comes at most five times in any hour, and whoever gets none has one that is good', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 90 })), { maxLength: 40 }),
        (gaps) => {
          let last: AccountLinkDocument | undefined;
          let ms = 0;
          const mailed: number[] = [];
          gaps.forEach((gap, index) => {
            ms += gap * minute;
            const next = { kind: 'password_reset' as const, job_id: `job ${index}`, requested_at: at(ms) };
            if (nextLinkStep(last, next, nowMs + ms) === 'mail') {
              mailed.push(ms);
              const expires_at = at(ms + 60 * minute);
              const mailed_at = [...recentMails(last?.mailed_at ?? [], nowMs + ms), at(ms)];
              last = link({ ...next, expires_at, mailed_at });
            }
            expect(last && isLinkGood(last, account, nowMs + ms)).toBe(true);
            expect(mailed.filter((one) => ms - one < 60 * minute).length).toBeLessThanOrEqual(5);
          });
        },
      ),
    );
  });
});

describe('an invitation', () => {
  const document = { status: 'open', expires_at: '2026-01-05T12:00:00.000Z' } as InvitationDocument;
  const beforeMs = Date.UTC(2026, 0, 5, 12) - 1;

  test('is open until its time has come', () => {
    expect([isInvitationOpen(document, beforeMs), isInvitationOpen(document, beforeMs + 1)]).toEqual([true, false]);
    expect(isInvitationOpen({ ...document, status: 'accepted' }, beforeMs)).toBe(false);
    expect([toInvitation(document, beforeMs).status, toInvitation(document, beforeMs + 1).status]).toEqual([
      'open',
      'expired',
    ]);
    expect(toInvitation({ ...document, status: 'revoked' }, beforeMs + 1).status).toBe('revoked');
    expect(toInvitation({ ...document, status: 'accepted' }, beforeMs).status).toBe('accepted');
  });
});
