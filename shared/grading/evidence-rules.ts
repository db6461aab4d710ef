import { type EvidenceSpan, gradingLimits } from './schemas.ts';
import { stopWords } from './stop-words.ts';
import { cleanText, compilePattern, type FoldedText, findOccurrence, foldText, words } from './text-rules.ts';

/** Letters and digits that a quotation must have; a Chinese, Japanese or Korean sign counts as two. */
const lettersMin = 3;
/** A quotation with fewer letters must consist of whole words, so that "art" is not found in "start". */
const wholeWordLetters = 8;

const wordSign = /[\p{L}\p{M}\p{N}]/u;
const denseScript = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/gu;

function letterCount(text: string): number {
  const letters = text.match(/[\p{L}\p{N}]/gu)?.length ?? 0;
  // Signs are counted before compatibility folding takes Hangul apart.
  return letters + (text.match(denseScript)?.length ?? 0);
}

/** Whether a passage says enough to show anything: three letters or more, and not stop-words only. */
export function isSubstantial(passage: string): boolean {
  return letterCount(passage) >= lettersMin && words(foldText(passage).folded).some((word) => !stopWords.has(word));
}

/** Finds quotations in one text; folding the text once serves all of them. */
export interface EvidenceLocator {
  /** Where the text says what the quotation says, or undefined when it does not or the quotation says too little. */
  locate(quote: string): EvidenceSpan | undefined;
}

/** The unit before which the passage that ends at `end` is complete: accents belong to the letter before them. */
function endOfLetter(text: string, end: number): number {
  let complete = end;
  for (let marks = 0; marks < 8 && /^\p{M}$/u.test(text.charAt(complete)); marks += 1) complete += 1;
  return complete;
}

function isWholeWord(text: string, start: number, end: number): boolean {
  const touches = (inside: string, outside: string) =>
    wordSign.test(inside) && wordSign.test(outside) && inside.search(denseScript) < 0;
  return (
    !touches(text.charAt(start), text.slice(0, start).slice(-1)) && !touches(text.charAt(end - 1), text.charAt(end))
  );
}

function spanOf(text: string, start: number, end: number): EvidenceSpan {
  // Folding may have widened a passage beyond the bound; the cut never halves a sign.
  const cut = Math.min(end, start + gradingLimits.quoteCharacters);
  const last = cut < end && /^[\ud800-\udbff]$/.test(text.charAt(cut - 1)) ? cut - 1 : cut;
  return { start, end: last, quote: text.slice(start, last) };
}

/** First occurrence from which `accept` makes something, else undefined; linear in the text. */
function firstAccepted<T>(text: string, pattern: string, accept: (at: number) => T | undefined): T | undefined {
  const compiled = compilePattern(pattern);
  for (let at = findOccurrence(text, compiled); at >= 0; at = findOccurrence(text, compiled, at + pattern.length)) {
    const accepted = accept(at);
    if (accepted !== undefined) return accepted;
  }
  return undefined;
}

function createFinder(text: string, isEvidence: (span: EvidenceSpan) => boolean) {
  let lazilyFolded: FoldedText | undefined;
  return (quote: string): EvidenceSpan | undefined => {
    const needsWholeWords = letterCount(quote) < wholeWordLetters;
    const accept = (start: number, end: number) => {
      if (needsWholeWords && !isWholeWord(text, start, end)) return undefined;
      const span = spanOf(text, start, end);
      return isEvidence(span) ? span : undefined;
    };
    const exact = firstAccepted(text, quote, (at) => accept(at, at + quote.length));
    if (exact) return exact;
    const pattern = foldText(quote).folded.trim();
    lazilyFolded ??= foldText(text);
    const { folded, starts, ends } = lazilyFolded;
    return firstAccepted(folded, pattern, (at) => {
      // Both are there, because the pattern was found at these places.
      const start = starts[at] ?? 0;
      const end = ends[at + pattern.length - 1] ?? text.length;
      return accept(start, endOfLetter(text, end));
    });
  };
}

/** `isEvidence` may refuse occurrences; then the next one is looked at. */
export function createEvidenceLocator(
  text: string,
  isEvidence: (span: EvidenceSpan) => boolean = () => true,
): EvidenceLocator {
  const find = createFinder(text, isEvidence);
  const isShortAnswer = !isSubstantial(text.slice(0, gradingLimits.quoteCharacters));
  return {
    locate(quote) {
      const wanted = cleanText(quote, gradingLimits.quoteCharacters).trim();
      // "42" can be a whole answer; then quoting all of it is the only evidence there can be.
      const isWholeAnswer = isShortAnswer && letterCount(wanted) > 0 && letterCount(wanted) === letterCount(text);
      if (!isWholeAnswer && !isSubstantial(wanted)) return undefined;
      // Models like to put what they quote between quotation marks of their own.
      const bare = wanted.replace(/^["'\u2018-\u201f\u00ab\u300c]+|["'\u2018-\u201f\u00bb\u300d]+$/gu, '').trim();
      return find(wanted) ?? (bare === wanted ? undefined : find(bare));
    },
  };
}

/**
 * Where `text` says what `quote` says: an exact occurrence first, otherwise one that differs in white space, case,
 * accents, quotation marks, dashes or invisible characters only. Offsets are UTF-16 code units of `text`, and
 * `text.slice(start, end) === quote` of the result always holds. Undefined when there is none, or when the quotation
 * says too little to be evidence: fewer than three letters or only stop-words, unless that is the whole answer.
 * Linear in the length of both.
 */
export function locateEvidence(text: string, quote: string): EvidenceSpan | undefined {
  return createEvidenceLocator(text).locate(quote);
}

/**
 * The located pieces of one criterion's quotations, at most 5, none twice. A quotation with an ellipsis that does not
 * occur as a whole is taken apart at the ellipsis, because that is how people and models shorten.
 */
export function collectEvidence(locator: EvidenceLocator, quotes: readonly string[]): EvidenceSpan[] {
  const kept: EvidenceSpan[] = [];
  for (const quote of quotes.slice(0, gradingLimits.quotesRead)) {
    const whole = locator.locate(quote);
    const found = whole ? [whole] : locatePieces(locator, quote);
    for (const span of found) {
      if (!kept.some((other) => other.start === span.start && other.end === span.end)) kept.push(span);
    }
  }
  return kept.slice(0, gradingLimits.evidencePieces);
}

function locatePieces(locator: EvidenceLocator, quote: string): EvidenceSpan[] {
  const pieces = cleanText(quote, gradingLimits.quoteCharacters).split(/\s*(?:\u2026|\.{3,}|\[\u2026\])\s*/u);
  if (pieces.length < 2) return [];
  const located: EvidenceSpan[] = [];
  for (const piece of pieces.filter((part) => part !== '').slice(0, gradingLimits.evidencePieces)) {
    const span = locator.locate(piece);
    // One invented piece spoils the quotation: the others may be joined to say what the answer does not.
    if (span === undefined) return [];
    located.push(span);
  }
  return located;
}
