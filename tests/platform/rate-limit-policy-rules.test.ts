import { describe, expect, test } from 'vitest';
import type { NamedLimit, Principal, RateTier } from '../../shared/platform/define-endpoint.ts';
import { permissionsOfRole } from '../../shared/platform/permissions.ts';
import { createRatePlan, keyBuckets } from '../../shared/platform/rate-limit-policy-rules.ts';

const plan = createRatePlan(1);

function person(role: string, tier: RateTier = 'free', limits?: readonly NamedLimit[]): Principal {
  return {
    user_id: 'u1',
    username: 'u',
    email: null,
    full_name: null,
    role,
    permissions: permissionsOfRole(role) ?? new Set(),
    tier,
    via: limits === undefined ? { kind: 'session', session_id: 's' } : { kind: 'api_key', key_id: 'k1', limits },
    caller: { request_id: 'r', address: '203.0.113.9', user_agent: null, origin: null, place_id: null },
  };
}

/** `key: capacity, calls that come back in a minute` of each bucket. */
function told(...call: Parameters<typeof plan.bucketsFor>): string[] {
  return plan
    .bucketsFor(...call)
    .map(({ key, limit }) => `${key}: ${limit.capacity}, ${Math.round(limit.refillPerMs * 60_000 * 1000) / 1000}`);
}

describe('who is counted', () => {
  test('a call without an account counts at its address, and what is read has no limit beside that of all calls', () => {
    expect(told('public', undefined, '203.0.113.9')).toEqual(['all|address:203.0.113.9: 600, 1200']);
    expect(told('read', undefined, '203.0.113.9')).toEqual(['all|address:203.0.113.9: 600, 1200']);
  });

  test('a call of somebody counts at the person and not at the address', () => {
    expect(told('read', person('student'), '203.0.113.9')).toEqual(['all|user:u1: 100, 600']);
    expect(told('write', person('student'), '203.0.113.9')).toEqual([
      'all|user:u1: 100, 600',
      'write|user:u1: 60, 120',
    ]);
    expect(told('grade', person('student'), '203.0.113.9')).toContain('grade|user:u1: 20, 20');
    expect(told('email', person('student'), '203.0.113.9')).toContain('email|user:u1: 30, 1');
  });

  test('the ways to an account count at the address, whoever takes them', () => {
    expect(told('login', undefined, 'a')).toContain('login|address:a: 300, 300');
    expect(told('register', undefined, 'a')).toContain('register|address:a: 10, 0.167');
    expect(told('register', person('student'), 'a')).toEqual([
      'all|user:u1: 100, 600',
      'register|address:a: 10, 0.167',
    ]);
    expect(told('email', undefined, 'a')).toContain('email|address:a: 30, 1');
  });

  test('who is signed in and proves it again counts at the person, at no better rate for a better tier', () => {
    for (const somebody of [person('student'), person('teacher', 'enterprise')]) {
      expect(told('login', somebody, 'a')).toContain('login|user:u1: 20, 20');
    }
  });

  test('what writes and needs no account counts at the address', () => {
    expect(told('write', undefined, 'a')).toContain('write|address:a: 60, 120');
  });

  test('accounts that staff make are writes', () => {
    expect(told('register', person('teacher'), 'a')).toEqual(['all|user:u1: 500, 3000', 'write|user:u1: 300, 600']);
  });

  test('a wrong credential counts at its address, apart from all else', () => {
    const [bucket, ...more] = plan.bucketsForRefused('a');
    expect(more).toEqual([]);
    expect(bucket?.key).toBe('refused|address:a');
  });

  test('only what belongs to one person makes that person wait longer', () => {
    expect(plan.bucketsFor('write', person('student'), 'a').map((one) => one.isPersonal)).toEqual([true, true]);
    expect(plan.bucketsFor('login', undefined, 'a').map((one) => one.isPersonal)).toEqual([false, false]);
  });
});

describe('how much', () => {
  test.each([
    ['free', 100],
    ['basic', 200],
    ['premium', 500],
    ['enterprise', 1000],
  ] as const)('the tier %s makes 100 calls %i', (tier, calls) => {
    expect(plan.bucketsFor('read', person('student', tier), 'a')[0]?.limit.capacity).toBe(calls);
  });

  test('staff have at least premium', () => {
    expect(plan.bucketsFor('read', person('configurator'), 'a')[0]?.limit.capacity).toBe(500);
    expect(plan.bucketsFor('read', person('teacher', 'enterprise'), 'a')[0]?.limit.capacity).toBe(1000);
  });

  test('a teacher can open every answer of three classes and grade them at once', () => {
    const [all, write] = plan.bucketsFor('write', person('teacher'), 'a');
    expect(all?.limit.capacity).toBeGreaterThanOrEqual(5 * 90);
    expect(write?.limit.capacity).toBeGreaterThanOrEqual(90);
  });

  test('a school can log in at the begin of a lesson', () => {
    const [all, login] = plan.bucketsFor('login', undefined, 'a');
    expect(all?.limit.capacity).toBeGreaterThanOrEqual(10 * 30);
    expect(login?.limit.capacity).toBeGreaterThanOrEqual(10 * 30);
  });

  test('the scale multiplies all built-in limits, leaves at least one call, and makes sense', () => {
    expect(
      createRatePlan(10)
        .bucketsFor('write', person('student'), 'a')
        .map((one) => one.limit.capacity),
    ).toEqual([1000, 600]);
    expect(
      createRatePlan(0.001)
        .bucketsFor('register', undefined, 'a')
        .map((one) => one.limit.capacity),
    ).toEqual([1, 1]);
    expect(createRatePlan(2).everybody.capacity).toBe(2 * plan.everybody.capacity);
    expect(createRatePlan(2).bucketsForRefused('a')[0]?.limit.capacity).toBe(2400);
    for (const scale of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => createRatePlan(scale)).toThrow(RangeError);
    }
  });
});

describe('the limits of a key', () => {
  const limits: NamedLimit[] = [
    { name: 'minute', window_s: 60, max_calls: 7 },
    { name: 'day', window_s: 86_400, max_calls: 1000 },
  ];

  test('replace those of its owner and are not scaled', () => {
    for (const scale of [1, 1000]) {
      expect(createRatePlan(scale).bucketsFor('write', person('teacher', 'premium', limits), 'a')).toEqual([
        { key: 'minute|key:k1', limit: { capacity: 7, refillPerMs: 0, windowMs: 60_000 }, isPersonal: false },
        { key: 'day|key:k1', limit: { capacity: 1000, refillPerMs: 0, windowMs: 86_400_000 }, isPersonal: false },
      ]);
    }
  });

  test('do not replace what guards models, mailboxes and registration', () => {
    expect(told('grade', person('teacher', 'free', limits), 'a')).toContain('grade|user:u1: 100, 100');
    expect(told('email', person('student', 'free', limits), 'a')).toContain('email|user:u1: 30, 1');
    expect(told('register', person('student', 'free', limits), 'a')).toContain('register|address:a: 10, 0.167');
  });

  test('are the same buckets wherever the key is shown', () => {
    const through = plan.bucketsFor('read', person('student', 'free', limits), 'a');
    expect(keyBuckets('k1', limits)).toEqual(through);
  });

  test('a key without limits of its own counts at its owner', () => {
    expect(told('read', person('student', 'free', []), 'a')).toEqual(['all|user:u1: 100, 600']);
  });
});
