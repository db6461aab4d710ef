import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  cleanText,
  compilePattern,
  findOccurrence,
  foldCharacter,
  foldText,
  splitSentences,
  words,
} from '../../shared/grading/text-rules.ts';

const anyText = fc.string({ unit: 'binary' });

describe('cleanText', () => {
  test('takes NUL and lone halves out and cuts without halving a sign', () => {
    expect(cleanText('a\u0000b\ud800c\udc00d\u{1f600}', 100)).toBe('abcd\u{1f600}');
    expect(cleanText('ab\u{1f600}', 3)).toBe('ab');
    expect(cleanText('ab\u{1f600}', 4)).toBe('ab\u{1f600}');
    expect(cleanText('abc', 2)).toBe('ab');
    expect(cleanText('abc', Number.POSITIVE_INFINITY)).toBe('abc');
  });

  test('always gives well-formed text within the bound', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 0xffff })), fc.nat(50), (units, max) => {
        const text = cleanText(String.fromCharCode(...units), max);
        expect(text.isWellFormed() && !text.includes('\u0000') && text.length <= max).toBe(true);
      }),
    );
  });
});

describe('foldText', () => {
  test.each([
    ['case', 'ABC Straße', 'abc straße'],
    ['accents, composed or not', 'Café cafe\u0301', 'cafe cafe'],
    ['ligatures and full-width letters', 'ﬁn Ａｂ', 'fin ab'],
    ['white space', 'a \n\t\u00a0\u2003b', 'a b'],
    ['white space other than blanks', ' a\u00a0b\u2003\u2003c\td', ' a b c d'],
    ['accents that stand alone', 'a\u00a8b', 'ab'],
    ['quotation marks', '“a” ‘b’ «c» „d‟ `e´ ″f′ 「g」 "h"', "'a' 'b' 'c' 'd' 'e' 'f' 'g' 'h'"],
    ['dashes', 'a–b—c−d‐e-f', 'a-b-c-d-e-f'],
    ['invisible characters', 'a\u200bb\u00adc\ufeffd\u202ee\u0007f', 'abcdef'],
    ['neutralised brackets', '‹a›', '<a>'],
    ['ellipsis', 'a…', 'a...'],
  ])('folds %s', (_name, text, folded) => {
    expect(foldText(text).folded).toBe(folded);
  });

  test('joins white space around invisible characters', () => {
    expect(foldText('a \u200b b')).toEqual({ folded: 'a b', starts: [0, 1, 4], ends: [1, 4, 5] });
  });

  test.each([
    [' ', ' '],
    ['\n', ' '],
    ['\u00a0', ' '],
    ['\ufeff', ''],
    ['\u0007', ''],
    ['\u00a8', ''],
    ['Ä', 'a'],
    ['\u{1d400}', 'a'],
    ['ﬃ', 'ffi'],
    ['—', '-'],
    ['«', "'"],
    ['‹', '<'],
    ['›', '>'],
    ['植', '植'],
  ])('folds the character %j to %j', (character, folded) => {
    expect(foldCharacter(character)).toBe(folded);
  });

  test('knows where each folded unit comes from', () => {
    const { folded, starts, ends } = foldText('A \n\ufb01😀');
    expect(folded).toBe('a fi😀');
    expect(starts).toEqual([0, 1, 3, 3, 4, 4]);
    expect(ends).toEqual([1, 3, 4, 4, 6, 6]);
  });

  test('keeps the order of the text and has one origin for each unit', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const { folded, starts, ends } = foldText(text);
        expect([starts.length, ends.length]).toEqual([folded.length, folded.length]);
        for (let i = 0; i < folded.length; i += 1) {
          expect((starts[i] ?? -1) < (ends[i] ?? -1)).toBe(true);
          if (i > 0) expect((starts[i] ?? -1) >= (starts[i - 1] ?? 0)).toBe(true);
        }
        expect(ends.at(-1) ?? 0).toBeLessThanOrEqual(text.length);
      }),
    );
  });
});

describe('findOccurrence', () => {
  /** All texts of two letters with exactly this length: every kind of repetition is among them. */
  const textsOf = (length: number) =>
    Array.from({ length: 2 ** length }, (_, bits) =>
      Array.from({ length }, (_unit, at) => ((bits >> at) & 1 ? 'a' : 'b')).join(''),
    );

  test('finds what indexOf finds, from anywhere', () => {
    const texts = textsOf(9).map((text) => `${text}${text.slice(2)}`);
    for (const wanted of [1, 2, 3, 4, 5, 6].flatMap(textsOf)) {
      const pattern = compilePattern(wanted);
      expect(texts.map((text) => findOccurrence(text, pattern))).toEqual(texts.map((text) => text.indexOf(wanted)));
      expect(texts.map((text) => findOccurrence(text, pattern, 3))).toEqual(
        texts.map((text) => text.indexOf(wanted, 3)),
      );
    }
  });

  test('does not find nothing', () => {
    expect(findOccurrence('abc', compilePattern(''))).toBe(-1);
  });
});

describe('splitSentences', () => {
  const split = (text: string) => splitSentences(text).map(({ start, end }) => text.slice(start, end));

  test.each([
    ['One. Two! Three? Four', ['One.', 'Two!', 'Three?', 'Four']],
    ['He said “no.” She left.', ['He said “no.”', 'She left.']],
    ['Pi is 3.14 or so. www.example.org is a site.', ['Pi is 3.14 or so.', 'www.example.org is a site.']],
    ['line one\nline two\n\n  line three  ', ['line one', 'line two', 'line three']],
    ['光合作用。叶绿素！什么？', ['光合作用。', '叶绿素！', '什么？']],
    ['Really?! Yes... Well', ['Really?!', 'Yes...', 'Well']],
    ['', []],
    [' \n ', []],
  ])('of %j', (text, expected) => {
    expect(split(text)).toEqual(expected);
  });

  test('covers every visible character once, in order', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', '.', ' ', '\n', '!', '"', '。') }), (text) => {
        const spans = splitSentences(text);
        expect(split(text).join('').replaceAll(/\s/g, '')).toBe(text.replaceAll(/\s/g, ''));
        for (const span of spans)
          expect(text.slice(span.start, span.end)).toBe(text.slice(span.start, span.end).trim());
      }),
    );
  });
});

test('words are runs of letters, marks and digits', () => {
  expect(words("don't mix-up 42 नमस्ते 😀 ok")).toEqual(['don', 't', 'mix', 'up', '42', 'नमस्ते', 'ok']);
  expect(words('')).toEqual([]);
});
