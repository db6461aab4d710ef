import { injectionPhrases } from './injection-phrases.ts';
import { type FoldedText, foldText, type Span } from './text-rules.ts';

/** The lists of `injection-phrases.ts`. */
export type TermList = keyof typeof injectionPhrases;

interface Term {
  list: TermList;
  folded: string;
  isPrefix: boolean;
  isDense: boolean;
}

const denseScript = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u;
const wordSign = /[\p{L}\p{M}\p{N}]/u;

function readTerms(list: TermList, terms: string): Term[] {
  return terms
    .split(/[\n|]/)
    .filter((term) => term !== '')
    .map((term) => ({
      list,
      folded: foldText(term.replace('*', '')).folded,
      isPrefix: term.endsWith('*'),
      isDense: denseScript.test(term),
    }));
}

/** All terms by their first two folded units, so that a word is compared with a handful of them only. */
const termsByBeginning: ReadonlyMap<string, readonly Term[]> = Map.groupBy(
  [
    ...readTerms('ignoreVerbs', injectionPhrases.ignoreVerbs),
    ...readTerms('graderRules', injectionPhrases.graderRules),
    ...readTerms('commonRules', injectionPhrases.commonRules),
    ...readTerms('ownership', injectionPhrases.ownership),
    ...readTerms('awardVerbs', injectionPhrases.awardVerbs),
    ...readTerms('finalAwardVerbs', injectionPhrases.finalAwardVerbs),
    ...readTerms('fullMarks', injectionPhrases.fullMarks),
    ...readTerms('authorities', injectionPhrases.authorities),
    ...readTerms('authorityClaims', injectionPhrases.authorityClaims),
    ...readTerms('addressPhrases', injectionPhrases.addressPhrases),
  ],
  (term) => term.folded.slice(0, 2),
);

function matches(folded: string, at: number, term: Term): boolean {
  if (!folded.startsWith(term.folded, at)) return false;
  return term.isPrefix || term.isDense || !wordSign.test(folded.charAt(at + term.folded.length));
}

const lookAlikes: Record<string, string> = {
  '0': 'o',
  '1': 'i',
  '3': 'e',
  '4': 'a',
  '5': 's',
  '7': 't',
  '@': 'a',
  $: 's',
  а: 'a',
  е: 'e',
  о: 'o',
  р: 'p',
  с: 'c',
  у: 'y',
  х: 'x',
  і: 'i',
  ѕ: 's',
  ј: 'j',
  к: 'k',
  м: 'm',
  т: 't',
  н: 'h',
  в: 'b',
  α: 'a',
  ε: 'e',
  ο: 'o',
  ρ: 'p',
  ι: 'i',
  ν: 'v',
  τ: 't',
  κ: 'k',
  υ: 'u',
  ѵ: 'v',
  ԁ: 'd',
  ɡ: 'g',
  һ: 'h',
  ӏ: 'l',
};

const anyLookAlike = new RegExp(`[${Object.keys(lookAlikes).join('')}]`, 'u');

/** Words of Latin letters with foreign signs among them ("ignоre" with a Cyrillic o, "1gn0re") as they look. Keeps lengths. */
function unmask(folded: string): string {
  // Most texts have none of these signs, or none near Latin letters, and are read as they are.
  if (!anyLookAlike.test(folded)) return folded;
  return folded.replace(/[\p{L}\p{N}@$]+/gu, (word) =>
    /[a-z]/.test(word) && anyLookAlike.test(word)
      ? Array.from(word, (sign) => lookAlikes[sign] ?? sign).join('')
      : word,
  );
}

/** A term of a list in a text; offsets are those of the original text. */
export interface TermHit extends Span {
  list: TermList;
}

/** Every term that occurs in a text, in the order of the text. Linear. */
export function findTerms({ folded, starts, ends }: FoldedText): TermHit[] {
  const hits: TermHit[] = [];
  const read = unmask(folded);
  const lookUp = (at: number, lengths: readonly number[]) => {
    for (const length of lengths) {
      for (const term of termsByBeginning.get(read.slice(at, at + length)) ?? []) {
        if (!matches(read, at, term)) continue;
        hits.push({ list: term.list, start: starts[at] ?? 0, end: ends[at + term.folded.length - 1] ?? 0 });
      }
    }
  };
  for (const { 0: word, index } of read.matchAll(/[\p{L}\p{M}\p{N}]+/gu)) {
    if (!denseScript.test(word)) lookUp(index, [2]);
    // Scripts without spaces have no beginnings of words: every sign may be one, and one sign may be a word.
    else for (let at = index; at < index + word.length; at += 1) lookUp(at, [1, 2]);
  }
  return hits;
}
