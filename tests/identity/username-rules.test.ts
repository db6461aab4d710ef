import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { namesOf, namesToLeaveFree, takenOf } from '../../shared/identity/account-names-rules.ts';
import { lookAlikes } from '../../shared/identity/look-alikes.ts';
import { normaliseName, skeletonOf, usernameProblem, usernamesFor } from '../../shared/identity/username-rules.ts';

const plain = fc.string({
  unit: fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz0123456789._-'),
  minLength: 1,
  maxLength: 20,
});
const anything = fc.string({ unit: 'binary', maxLength: 30 });

describe('what a name looks like', () => {
  test('is the same however often one looks', () => {
    fc.assert(
      fc.property(anything, (name) => {
        expect(skeletonOf(skeletonOf(name))).toBe(skeletonOf(name));
      }),
    );
  });

  test('is the same for a name in which letters were replaced by those that are taken for them', () => {
    const swaps = [...lookAlikes].filter(([letter]) => letter.normalize('NFKC') === letter);
    fc.assert(
      fc.property(plain, fc.array(fc.boolean(), { minLength: 20, maxLength: 20 }), fc.nat(), (name, flips, pick) => {
        const faked = [...name].map((letter, index) => {
          const choices = swaps.filter(([, seenAs]) => seenAs === letter).map(([other]) => other);
          return flips[index] ? (choices[pick % Math.max(1, choices.length)] ?? letter) : letter;
        });
        // Strokes of Hangul that stand together are one syllable, and nobody takes that for two letters.
        fc.pre(faked.join('').normalize('NFKC') === faked.join(''));
        expect(skeletonOf(faked.join(''))).toBe(skeletonOf(name));
      }),
    );
  });

  test('differs for plain names unless they differ only in 0 and o, 1 and l, rn and m, vv and w', () => {
    const folded = (name: string) =>
      name.replaceAll('0', 'o').replaceAll('1', 'l').replaceAll('rn', 'm').replaceAll('vv', 'w');
    fc.assert(
      fc.property(plain, plain, (a, b) => {
        expect(skeletonOf(a) === skeletonOf(b)).toBe(folded(a) === folded(b));
      }),
    );
  });

  test('never is the same for two different numbers', () => {
    const number = fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(number, number, (a, b) => {
        expect(skeletonOf(a) === skeletonOf(b)).toBe(a === b);
      }),
    );
  });

  test.each([
    ['Paul', 'PauI', true],
    ['Paul', 'PAUL', true],
    ['Ian', 'Lan', false],
    ['paui', 'paul', false],
    ['IAN', 'LAN', false],
    ['McIlroy', 'McllRoy', true],
    ['jose', 'jos\u00e9', false],
    ['ann-lee', 'ann\u30fclee', true],
    ['\u0422\u041e\u041c', 'tom', true],
    ['\u0442\u043e\u043c', 'tom', false],
  ])('%s and %s: %s', (a, b, isSame) => {
    expect(skeletonOf(a) === skeletonOf(b)).toBe(isSame);
  });
});

describe('a good name', () => {
  test('stays itself when it is stored, and is good then too', () => {
    fc.assert(
      fc.property(anything, (typed) => {
        const name = normaliseName(typed);
        expect(normaliseName(name)).toBe(name);
        if (usernameProblem(name) === undefined) expect(name).toMatch(/[\p{L}0-9]/u);
      }),
    );
  });

  test('has no spaces around it, of whatever kind', () => {
    expect(normaliseName(' \u00a0Ann Lee\u2003\n')).toBe('Ann Lee');
  });

  test('is told from a bad one in words', () => {
    for (const bad of ['', 'a  b', 'ann\u{1f600}', 'ann\u0430']) expect(usernameProblem(bad)).toMatch(/^must .{20,}/);
  });

  test('is any plain one with a letter or digit', () => {
    fc.assert(
      fc.property(plain, (name) => {
        expect(usernameProblem(name) === undefined).toBe(/[a-z0-9]/.test(name));
      }),
    );
  });

  test('never mixes the look-alikes of other scripts into Latin', () => {
    const foreign = [...lookAlikes.keys()].filter((letter) => /[\p{scx=Cyrl}\p{scx=Grek}\p{scx=Armn}]/u.test(letter));
    fc.assert(
      fc.property(fc.constantFrom(...foreign), (letter) => {
        expect(usernameProblem(`ann${letter}`)).toContain('mix');
      }),
    );
  });

  test.each([
    '\u3164',
    '\u115f',
    '\u200b',
    '\u200d',
    '\u00ad',
    '\u202e',
    '\ufeff',
    '\u034f',
    '\u180e',
    '\u{e0041}',
    '\u2028',
    '\t',
    '\u0000',
  ])('has nothing that cannot be seen (%j)', (hidden) => {
    expect(usernameProblem(normaliseName(`ad${hidden}min`))).toBeDefined();
  });

  test.each(['a\u0301\u0301\u0301\u0301\u0301x', '\u0301x', '._-', '', 'a  b', '\u0967\u0968', 'a\u{1d7d8}\u{1f600}'])(
    'is not %j',
    (name) => {
      expect(usernameProblem(normaliseName(name))).toBeDefined();
    },
  );

  test.each([
    '\u5c71\u7530\u30bf\u30ed\u30a6',
    'ken\u5c71\u3055\u3093',
    '\u9673\u311a',
    '\ubc15 kim',
    '\u0645\u062d\u0645\u062f',
    '\u0928\u0940\u0932',
    '\u0e2a\u0e21',
    "o'neil",
    'a+b@x.org',
  ])('may be %s', (name) => {
    expect(usernameProblem(normaliseName(name))).toBeUndefined();
  });
});

describe('the names that an account holds', () => {
  test('are its username, the look of it and its address, and the username again where it looks like an address', () => {
    expect(namesOf({ username: 'B0b', email: null })).toEqual([
      { kind: 'username', name: 'B0b' },
      { kind: 'look_alike', name: 'bob' },
    ]);
    const [own, other] = ['Ann@example.org', 'ann@example.com'];
    expect(namesOf({ username: own, email: own.toLowerCase() }).filter(({ kind }) => kind === 'email')).toEqual([
      { kind: 'email', name: own.toLowerCase() },
    ]);
    expect(namesOf({ username: own, email: other }).filter(({ kind }) => kind === 'email')).toEqual([
      { kind: 'email', name: other },
      { kind: 'email', name: own },
    ]);
  });

  test('are looked up beside these where older accounts hold less', () => {
    expect(namesToLeaveFree({ username: 'ann', email: null })).toEqual([]);
    expect(namesToLeaveFree({ username: 'Ann', email: 'x@example.org' })).toEqual([
      { kind: 'username', name: 'x@example.org' },
    ]);
    expect(namesToLeaveFree({ username: 'b0b', email: null })).toEqual([{ kind: 'username', name: 'bob' }]);
    expect(namesToLeaveFree({ username: 'x@example.org', email: 'X@example.org' })).toEqual([]);
  });

  test('say what of the request is not free', () => {
    const asked = { username: 'B0b', email: 'bob@example.org' };
    expect(takenOf({ kind: 'username', name: 'b0b' }, asked)).toBe('username');
    expect(takenOf({ kind: 'look_alike', name: 'bob' }, asked)).toBe('look_alike');
    expect(takenOf({ kind: 'username', name: 'bob' }, asked)).toBe('look_alike');
    expect(takenOf({ kind: 'email', name: 'BOB@example.org' }, asked)).toBe('email');
    expect(takenOf({ kind: 'username', name: 'bob@example.org' }, asked)).toBe('email');
    expect(takenOf({ kind: 'email', name: 'b0b@x.org' }, { username: 'b0b@x.org', email: null })).toBe('username');
  });
});

describe('a name made from an address', () => {
  test('is its local part, then the same with a little chance', () => {
    expect(usernamesFor('Ann.Lee+x@example.org', '0123456789abcdef')).toEqual([
      'Ann.Lee+x',
      'Ann.Lee+x-52719',
      'Ann.Lee+x-2309737967',
      'Ann.Lee+x-76310993685999',
    ]);
  });

  test('is good in every script, with chance behind it too', () => {
    for (const local of [
      '\u043c\u0430\u0440\u0438\u044f',
      '\ufb13',
      '\u5c71\u7530',
      '\u0645\u062d\u0645\u062f',
      '\u0928\u0940\u0932',
    ]) {
      const names = usernamesFor(`${local}@example.org`, '0123456789abcdef');
      expect(names[1]).toBe(`${local.normalize('NFKC')}-52719`);
      expect(names.map(usernameProblem)).toEqual([undefined, undefined, undefined, undefined]);
    }
  });

  test('is good whatever the address is', () => {
    fc.assert(
      fc.property(fc.oneof(fc.emailAddress(), anything), fc.uuid(), (email, chance) => {
        for (const name of usernamesFor(email, chance))
          expect([name, usernameProblem(name)]).toEqual([name, undefined]);
      }),
    );
  });
});
