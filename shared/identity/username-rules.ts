import { lookAlikes } from './look-alikes.ts';

/** As names are stored and shown: one way of writing for everything that Unicode calls the same. */
export function normaliseName(name: string): string {
  return name.normalize('NFKC').trim();
}

/** The scripts in everyday use: Table 5 of UAX 31, without Common and Inherited, which go with every script. */
const scripts = [
  ...['Arabic', 'Armenian', 'Bengali', 'Bopomofo', 'Cyrillic', 'Devanagari', 'Ethiopic', 'Georgian', 'Greek'],
  ...['Gujarati', 'Gurmukhi', 'Hangul', 'Han', 'Hebrew', 'Hiragana', 'Kannada', 'Katakana', 'Khmer', 'Lao', 'Latin'],
  ...['Malayalam', 'Myanmar', 'Oriya', 'Sinhala', 'Tamil', 'Telugu', 'Thaana', 'Thai', 'Tibetan'],
];

/** What may stand together: one script, or those that Japanese, Chinese and Korean are written in (UTS 39, highly restrictive). */
const mixtures = [
  ...scripts.map((script) => [script]),
  ['Latin', 'Han', 'Hiragana', 'Katakana'],
  ['Latin', 'Han', 'Bopomofo'],
  ['Latin', 'Han', 'Hangul'],
];
const oneScript = new RegExp(
  mixtures
    .map((together) => {
      const members = [...together, 'Common', 'Inherited'].map((script) => String.raw`\p{scx=${script}}`);
      return `^[${members.join('')}]*$`;
    })
    .join('|'),
  'u',
);

const allowed = /^[\p{L}\p{M}0-9 ._'+@-]*$/u;
// Some letters are never drawn: they would make two names that look the same.
const invisible = /\p{DI}/u;
const strayMarks = /(?:^|[^\p{L}\p{M}])\p{M}|\p{M}{4}/u;

/** Why nobody may be called so; undefined for a good name, which `normaliseName` has gone over. */
export function usernameProblem(name: string): string | undefined {
  if (!allowed.test(name) || invisible.test(name)) {
    return "must consist of letters, the digits 0 to 9, single spaces and . _ - + ' @";
  }
  if (!/[\p{L}0-9]/u.test(name) || strayMarks.test(name) || name.includes('  ')) {
    return 'must have a letter or digit, accents only on letters, and no two spaces together';
  }
  return oneScript.test(name) ? undefined : 'must not mix the letters of different scripts';
}

/**
 * What a name looks like: the same for two names that a reader takes for one another. Digits and letters that look alike are
 * one (0 and o, 1 and l), so is a capital I after a small letter and an l, and `rn` and `m`, `vv` and `w`. Letters with and
 * without accents differ, as do i and l.
 */
export function skeletonOf(name: string): string {
  const seen = name.normalize('NFKC').replace(/(?<=\p{Ll}I*)I/gu, 'l');
  const letters = [...seen].map((letter) => {
    const small = letter.toLowerCase();
    return lookAlikes.get(letter) ?? lookAlikes.get(small) ?? small;
  });
  return letters.join('').replaceAll('rn', 'm').replaceAll('vv', 'w');
}

const derivedMax = 40;

/**
 * Usernames for somebody who gave an address and no name, the best one first; `chance` is hexadecimal and tells namesakes apart. It is
 * written in digits, which go with the letters of every script.
 */
export function usernamesFor(email: string, chance: string): string[] {
  const local = normaliseName((email.split('@')[0] ?? '').slice(0, derivedMax));
  const base = usernameProblem(local) === undefined ? local : 'member';
  return [base, ...[4, 8, 12].map((length) => `${base}-${Number.parseInt(chance.slice(-length), 16)}`)];
}
