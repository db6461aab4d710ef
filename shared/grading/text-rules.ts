/** A passage of a text in UTF-16 code units, end exclusive. */
export interface Span {
  start: number;
  end: number;
}

/**
 * Text that every store and client can carry, at most `charactersMax` UTF-16 code units long: NUL and lone halves of
 * surrogate pairs are taken out, and the cut never splits a pair.
 */
export function cleanText(text: string, charactersMax: number): string {
  // The cut comes first so that an enormous text costs no more than a full one; it may leave half a pair at the end.
  const cut = text.slice(0, charactersMax).replaceAll('\u0000', '');
  return cut.isWellFormed() ? cut : cut.replace(/\p{Surrogate}/gu, '');
}

/** A text made easy to compare, with the way back: unit `i` of `folded` comes from `text.slice(starts[i], ends[i])`. */
export interface FoldedText {
  folded: string;
  starts: number[];
  ends: number[];
}

const dash = /^[\p{Dash_Punctuation}\u2212]$/u;
const quoteMark = /^['"`\u00ab\u00b4\u00bb\u2018-\u201f\u2032\u2033\u300c-\u300f\uff02\uff07]$/;
const ignorable = /^(?:\p{Default_Ignorable_Code_Point}|[^\P{Control}\s])$/u;
const combiningAccents = /[\u0300-\u036f]/g;

/** One character (a whole code point) as `foldText` writes it; white space is always one blank. */
export function foldCharacter(character: string): string {
  if (ignorable.test(character)) return '';
  if (/^\s$/u.test(character)) return ' ';
  if (dash.test(character)) return '-';
  if (quoteMark.test(character)) return "'";
  // The single guillemets stand for angle brackets that the prompt has neutralised.
  if (character === '\u2039') return '<';
  if (character === '\u203a') return '>';
  // Compatibility forms first: the mathematical letters of the styles that people paste have no lower case of their own.
  return character.normalize('NFKD').toLowerCase().replace(combiningAccents, '').replace(/\s/gu, '');
}

const asciiFolds = Array.from({ length: 128 }, (_, code) => foldCharacter(String.fromCharCode(code)));
/** Folds of other characters, found once: a text in Chinese would otherwise cost 10 ms instead of one. */
const otherFolds = new Map<string, string>();
const otherFoldsMax = 20_000;

function fold(character: string): string {
  const known = asciiFolds[character.charCodeAt(0)] ?? otherFolds.get(character);
  if (known !== undefined) return known;
  const folded = foldCharacter(character);
  // Only somebody who tries out all of Unicode fills the table; what is not in it is merely slower.
  if (otherFolds.size < otherFoldsMax) otherFolds.set(character, folded);
  return folded;
}

/**
 * Folds away what differs between a text and a faithful quotation of it: case, accents, compatibility forms (ligatures,
 * full-width letters), kinds of quotation marks and dashes, runs of white space, invisible characters. Linear.
 */
export function foldText(text: string): FoldedText {
  const starts: number[] = [];
  const ends: number[] = [];
  let folded = '';
  let position = 0;
  let afterSpace = false;
  for (const character of text) {
    const piece = fold(character);
    const start = position;
    position += character.length;
    if (piece === ' ' && afterSpace) {
      ends[ends.length - 1] = position;
      continue;
    }
    if (piece === '') continue;
    folded += piece;
    for (let unit = 0; unit < piece.length; unit += 1) {
      starts.push(start);
      ends.push(position);
    }
    afterSpace = piece === ' ';
  }
  return { folded, starts, ends };
}

/**
 * First occurrence of `pattern` in `text` at or after `from`, or -1, by Knuth, Morris and Pratt: a plain `indexOf`
 * takes 150 ms for one unlucky quotation in a text of a megabyte, and a hostile model may send hundreds of them.
 */
export function findOccurrence(text: string, pattern: Pattern, from = 0): number {
  const { units, borders } = pattern;
  if (units.length === 0) return -1;
  let matched = 0;
  for (let i = from; i < text.length; i += 1) {
    const unit = text.charCodeAt(i);
    while (matched > 0 && unit !== units[matched]) matched = borders[matched - 1] ?? 0;
    if (unit === units[matched]) matched += 1;
    if (matched === units.length) return i - matched + 1;
  }
  return -1;
}

/** A text to look for, with the length of the longest border of each of its prefixes. */
export interface Pattern {
  units: Uint16Array;
  borders: Uint16Array;
}

/** Prepares a text of at most 65,535 UTF-16 code units to be looked for. */
export function compilePattern(wanted: string): Pattern {
  const units = Uint16Array.from({ length: wanted.length }, (_, at) => wanted.charCodeAt(at));
  const borders = new Uint16Array(wanted.length);
  let matched = 0;
  for (let i = 1; i < units.length; i += 1) {
    while (matched > 0 && units[i] !== units[matched]) matched = borders[matched - 1] ?? 0;
    if (units[i] === units[matched]) matched += 1;
    borders[i] = matched;
  }
  return { units, borders };
}

// A sentence ends at a line's end, after a full-width stop, or after . ! ? and closing marks before white space. The
// repetitions are bounded so that a megabyte of dots stays cheap.
const sentenceEnd = /\n|[\u3002\uff01\uff1f\u0964]|[.!?\u061f\u2026]+['")\]\u2019\u201d\u00bb]*(?=\s|$)/gu;

/** The sentences of a text in order, without white space around them; every visible character is in exactly one. */
export function splitSentences(text: string): Span[] {
  const sentences: Span[] = [];
  let from = 0;
  const take = (to: number) => {
    const piece = text.slice(from, to);
    const trimmed = piece.trim();
    if (trimmed !== '') {
      const start = from + piece.length - piece.trimStart().length;
      sentences.push({ start, end: start + trimmed.length });
    }
    from = to;
  };
  for (const match of text.matchAll(sentenceEnd)) take(match.index + match[0].length);
  take(text.length);
  return sentences;
}

/** The words of a folded text: runs of letters, marks and digits. */
export function words(folded: string): string[] {
  return folded.match(/[\p{L}\p{M}\p{N}]+/gu) ?? [];
}
