import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  collectEvidence,
  createEvidenceLocator,
  isSubstantial,
  locateEvidence,
} from '../../shared/grading/evidence-rules.ts';

const text =
  'Plants use “light” to make sugar — the chlorophyll absorbs\nit. Start of the Résumé. The final cafe\u0301! 光合作用は重要です。 Plants use LIGHT.';

function quoteIn(answer: string, quote: string): string | undefined {
  const span = locateEvidence(answer, quote);
  if (span) expect(answer.slice(span.start, span.end)).toBe(span.quote);
  return span?.quote;
}

describe('locateEvidence', () => {
  test.each([
    ['exact words', 'to make sugar', 'to make sugar'],
    ['other white space', 'absorbs   it.\tStart', 'absorbs\nit. Start'],
    ['other dashes and case', 'SUGAR - THE', 'sugar — the'],
    ['other quotation marks', "use 'light' to", 'use “light” to'],
    ['no accents', 'the resume', 'the Résumé'],
    ['composed accents', 'café', 'cafe\u0301'],
    ['ligatures', 'ﬁnal', 'final'],
    ['quotation marks around it', '"the chlorophyll absorbs"', 'the chlorophyll absorbs'],
    ['guillemets around it', '«the chlorophyll absorbs»', 'the chlorophyll absorbs'],
    ['white space around it', '\n the chlorophyll ', 'the chlorophyll'],
    ['invisible characters in it', 'chloro\u200bphyll', 'chlorophyll'],
    ['invisible characters around it', '\u200b the chlorophyll \u200b', 'the chlorophyll'],
    ['marks around it and white space within them', `"' the chlorophyll '"`, 'the chlorophyll'],
    ['NUL in it', 'chloro\u0000phyll', 'chlorophyll'],
    ['signs of a script without spaces', '重要', '重要'],
  ])('finds a quotation with %s', (_name, quote, expected) => {
    expect(quoteIn(text, quote)).toBe(expected);
  });

  test('prefers an exact occurrence to an earlier one that differs', () => {
    expect(locateEvidence('the Sun, the sun', 'the sun')?.start).toBe(9);
    expect(locateEvidence(text, 'use LIGHT')?.start).toBe(text.indexOf('use LIGHT'));
    expect(locateEvidence(text, 'Use light.')?.start).toBe(text.indexOf('use LIGHT'));
  });

  test.each([
    ['words that do not occur', 'mitochondria'],
    ['joined words', 'Plants make sugar'],
    ['fewer than three letters', 'it'],
    ['stop-words only', 'of the'],
    ['signs only', '— “'],
    ['nothing', ''],
    ['a part of a word', 'art'],
    ['a part of a word at its beginning', 'Pla'],
    ['a single sign', '光'],
  ])('finds nothing for %s', (_name, quote) => {
    expect(locateEvidence(text, quote)).toBeUndefined();
  });

  test('looks further when the first occurrence is a part of a word', () => {
    expect(locateEvidence('smart art', 'art')).toEqual({ start: 6, end: 9, quote: 'art' });
    expect(locateEvidence('artful ART', 'art')).toEqual({ start: 7, end: 10, quote: 'ART' });
    expect(locateEvidence('unphotosynthesised', 'photosyn')).toEqual({ start: 2, end: 10, quote: 'photosyn' });
    expect(locateEvidence('unphotosynthesised', 'photosy')).toBeUndefined();
  });

  test('takes a very short answer as evidence for itself, and only as a whole', () => {
    expect(quoteIn('42', '42')).toBe('42');
    expect(quoteIn('42.', '42')).toBe('42');
    expect(quoteIn('No', 'no')).toBe('No');
    expect(quoteIn('42', '4')).toBeUndefined();
    expect(quoteIn('It is so', 'It')).toBeUndefined();
    expect(quoteIn('It is so', 'it is so')).toBe('It is so');
    expect(quoteIn('?', '?')).toBeUndefined();
    expect(quoteIn('', '')).toBeUndefined();
  });

  test('strips only marks around a quotation', () => {
    expect(quoteIn("It is the sun's light.", `"the sun's light"`)).toBe("the sun's light");
  });

  test('looks for whole words only where the quotation begins and ends with letters', () => {
    expect(quoteIn('sun!ab', 'sun!')).toBe('sun!');
    expect(quoteIn('ab(sun)', '(sun)')).toBe('(sun)');
    expect(quoteIn('sunny', 'sun')).toBeUndefined();
  });

  test('does not cut a sign in two when what it finds is wider than 1,000 characters', () => {
    const found = (tail: string) => {
      const wide = `x${'a\u200b'.repeat(499)}${tail}`;
      return locateEvidence(wide, wide.replaceAll('\u200b', ''))?.quote.length;
    };
    expect([found('\u{1f600}tail'), found('btail'), found('b\u{1f600}'), found('b')]).toEqual([
      999, 1_000, 1_000, 1_000,
    ]);
  });

  test('keeps the accents of the last letter, within reason', () => {
    expect(quoteIn(`ein kleines cafe${'\u0301'.repeat(10)}`, 'EIN kleines cafe')).toBe(
      `ein kleines cafe${'\u0301'.repeat(8)}`,
    );
    expect(quoteIn('ein cafe\u0301\u0323 da', 'ein cafe')).toBe('ein cafe\u0301\u0323');
  });

  test('looks for and keeps at most 1,000 characters of a quotation', () => {
    const long = 'word '.repeat(500);
    expect(locateEvidence(long, long)?.end).toBe(999);
    expect(locateEvidence(long, `${long.slice(0, 1_000)} and something else`)?.end).toBe(999);
    const wide = '\ufb01'.repeat(900);
    expect(locateEvidence(`x ${wide.replaceAll('\ufb01', 'fi')}`, wide)?.quote).toHaveLength(1_000);
  });

  const word = fc.oneof(
    fc.string({ minLength: 3, maxLength: 9, unit: fc.constantFrom(...'abcdefgäöüéßñçфыв') }),
    fc.constantFrom('Licht', 'photosynthesis', 'İstanbul', '한국어', '植物', 'ﬁne', "don't", '3.14', '😀'),
  );
  const answer = fc.array(word, { minLength: 1, maxLength: 30 });

  test('finds every passage of the answer whose white space, case and marks were mangled', () => {
    fc.assert(
      fc.property(
        answer,
        fc.nat(),
        fc.nat(),
        fc.array(fc.constantFrom(' ', '\n', '\t ', '\u00a0 '), { minLength: 1 }),
        (all, a, b, gaps) => {
          const from = a % all.length;
          const to = from + 1 + (b % (all.length - from));
          const passage = all.slice(from, to);
          const quote = passage
            .reduce((joined, next, i) => joined + (gaps[i % gaps.length] ?? ' ') + next)
            .replaceAll("'", '’')
            .toLocaleUpperCase('en')
            .toLocaleLowerCase('en');
          fc.pre(isSubstantial(quote) && !quote.includes('ss'));
          const span = locateEvidence(all.join(' '), quote);
          expect(span).toBeDefined();
          expect(all.join(' ').slice(span?.start, span?.end)).toBe(span?.quote);
        },
      ),
      { numRuns: 150 },
    );
  });

  test('never gives offsets that do not fit, for any text and quotation', () => {
    const any = fc.string({ unit: 'binary', maxLength: 60 });
    fc.assert(
      fc.property(any, any, fc.nat(), fc.nat(60), (one, other, at, length) => {
        const start = at % (one.length + 1);
        for (const quote of [other, one.slice(start, start + length)]) {
          const span = locateEvidence(one, quote);
          if (span === undefined) continue;
          expect(one.slice(span.start, span.end)).toBe(span.quote);
          expect(span.quote.length).toBeGreaterThan(0);
          expect(span.quote.isWellFormed()).toBe(one.isWellFormed());
        }
      }),
      { numRuns: 150 },
    );
  });
});

describe('isSubstantial', () => {
  test.each([
    ['sun', true],
    ['su', false],
    ['s u n', true],
    ['123', true],
    ['12', false],
    ['光合', true],
    ['光', false],
    ['한국', true],
    ['the', false],
    ['and of the', false],
    ['and of the sun', true],
    ['...', false],
    ['', false],
  ])('%j: %s', (passage, expected) => {
    expect(isSubstantial(passage)).toBe(expected);
  });
});

describe('collectEvidence', () => {
  const collect = (answer: string, quotes: string[]) =>
    collectEvidence(createEvidenceLocator(answer), quotes).map(({ quote }) => quote);

  test('keeps what occurs, once, in the order of the quotations', () => {
    expect(collect('red green blue', ['blue', 'pink', 'red', 'BLUE'])).toEqual(['blue', 'red']);
    expect(collect('red green blue', ['red green', 'red', 'green'])).toEqual(['red green', 'red', 'green']);
  });

  test('takes a shortened quotation apart', () => {
    expect(collect('The sun warms the wide sea every day.', ['The sun … sea every'])).toEqual(['The sun', 'sea every']);
    expect(collect('The sun warms the wide sea every day.', ['...warms the ... every day...'])).toEqual([
      'warms the',
      'every day',
    ]);
    expect(collect('The sun warms the wide sea every day.', ['warms the […] every'])).toEqual(['warms the', 'every']);
  });

  test('drops a shortened quotation when one of its pieces is invented', () => {
    expect(collect('The sun warms the wide sea.', ['The sun ... cools the sea'])).toEqual([]);
  });

  test('does not take apart at a full stop', () => {
    expect(collect('The sun warms the wide sea. It is wide.', ['The sun. It is wide'])).toEqual([]);
  });

  test('reads the first five pieces of a shortened quotation', () => {
    const pieces = ['alpha', 'beta', 'gamma', 'delta', 'epsilon'];
    expect(collect(pieces.join(' and '), [[...pieces, 'invented'].join(' … ')])).toEqual(pieces);
  });

  test('finds an ellipsis that the answer itself has', () => {
    expect(collect('Well ... maybe', ['Well … maybe'])).toEqual(['Well ... maybe']);
  });

  test('reads 8 quotations and keeps 5 pieces', () => {
    const names = ['alpha', 'beta', 'gamma', 'delta', 'epsilon', 'zeta'];
    expect(collect(names.join(' '), names)).toEqual(names.slice(0, 5));
    const invented = (count: number) => Array.from({ length: count }, (_, i) => `invented ${i}`);
    expect(collect('alpha', [...invented(7), 'alpha'])).toEqual(['alpha']);
    expect(collect('alpha', [...invented(8), 'alpha'])).toEqual([]);
  });
});
