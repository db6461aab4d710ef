import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { passwordProblem } from '../../shared/identity/password-rules.ts';

const digest = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`;
const owner = { username: 'nobody-in-particular', email: null };
const problem = (password: string) => passwordProblem(password, owner)?.type;

describe('a common password', () => {
  test.each([
    'password',
    '12345678',
    'iloveyou',
    'qwertyuiop',
    'trustno1',
    'sunshine',
    'football1',
    '1q2w3e4r',
    'password1',
  ])('%s is refused in every spelling and in the digest form', (word) => {
    const capital = `${word.slice(0, 1).toUpperCase()}${word.slice(1)}`;
    for (const spelling of [word, word.toUpperCase(), capital]) {
      expect([spelling, problem(spelling)]).toEqual([spelling, 'password_is_common']);
      expect([spelling, problem(digest(spelling))]).toEqual([spelling, 'password_is_common']);
      expect(problem(digest(spelling).toUpperCase())).toBe('password_is_common');
    }
    expect(problem(`${word} and more`)).toBeUndefined();
  });

  test('is one of at least three thousand', async () => {
    const { commonPasswordsPacked } = await import('../../shared/identity/common-passwords-list.ts');
    const { brotliDecompressSync } = await import('node:zlib');
    const list = brotliDecompressSync(Buffer.from(commonPasswordsPacked, 'base64')).toString('utf8').split('\n');
    expect(list.length).toBeGreaterThanOrEqual(3_000);
    expect(list.filter((word) => [...word].length < 8 || word !== word.toLowerCase())).toEqual([]);
    expect(commonPasswordsPacked.length).toBeLessThanOrEqual(30 * 1024);
    for (const word of list) expect(problem(word)).toBe('password_is_common');
  });

  test('is one character again and again, at any length', () => {
    fc.assert(
      fc.property(fc.constantFrom(...'aZ7 .*'), fc.integer({ min: 8, max: 256 }), (letter, count) => {
        expect(problem(letter.repeat(count))).toBe('password_is_common');
      }),
    );
  });

  test('is not any random one', () => {
    fc.assert(
      fc.property(fc.uuid(), (password) => {
        expect([problem(password), problem(digest(password))]).toEqual([undefined, undefined]);
      }),
    );
  });
});

describe('the own name', () => {
  const word = fc
    .string({ unit: fc.constantFrom(...'abcdefghijklmnop.-_ '), minLength: 8, maxLength: 30 })
    .filter((text) => text.trim() === text);

  test('is refused in any spelling, with and without its spaces, and in the digest form', () => {
    fc.assert(
      fc.property(word, fc.constantFrom('username', 'email', 'full_name', 'first_name', 'last_name'), (name, field) => {
        const about = { ...owner, [field]: name };
        const spellings = [
          name,
          name.toUpperCase(),
          ` ${name} `,
          name.replaceAll(' ', ''),
          digest(name),
          digest(name.toUpperCase()),
        ];
        for (const password of spellings) {
          expect([password, passwordProblem(password, about)?.type]).toEqual([password, 'password_is_own_name']);
        }
        expect(passwordProblem(`${name} et cetera`, about)).toBeUndefined();
      }),
    );
  });

  test('is the local part of the address and the first and last name together, too', () => {
    const about = { username: 'ann', email: 'ann.from.here@example.org', first_name: 'Annabel', last_name: 'Lee' };
    for (const password of ['ann.from.here', 'Annabel Lee', 'annabellee', 'ANN.FROM.HERE@EXAMPLE.ORG']) {
      expect(passwordProblem(password, about)?.type).toBe('password_is_own_name');
    }
    expect(passwordProblem('example.org', about)).toBeUndefined();
  });

  test('is refused in words, and only what is known counts', () => {
    expect(passwordProblem(owner.username, owner)?.msg).toBe('must not be your own name or address');
    expect(passwordProblem('password', owner)?.msg).toBe('is one of the most common passwords');
    const half = { ...owner, first_name: 'Annabel', last_name: null };
    expect(passwordProblem('Annabel null', half)).toBeUndefined();
    expect(passwordProblem('sha256:annabel', half)).toBeUndefined();
  });

  test('is nothing where nothing is known', () => {
    expect(
      passwordProblem('something good', { username: '', email: null, full_name: '', first_name: null }),
    ).toBeUndefined();
  });
});
