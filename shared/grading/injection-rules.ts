import { findShapes, type InjectionShape } from './injection-shape-rules.ts';
import { findTerms, type TermList } from './injection-term-rules.ts';
import { type FoldedText, foldText, type Span, splitSentences, words } from './text-rules.ts';

/** What made a passage look like a message to the grader. */
export type InjectionKind =
  | 'sets_rules_aside'
  | 'asks_for_marks'
  | 'claims_authority'
  | 'addresses_grader'
  | InjectionShape['kind'];

/** A passage that speaks to the grader. Offsets are UTF-16 code units of the plain text. */
export interface Injection extends Span {
  kind: InjectionKind;
}

/** Kinds that staff can act on, in words. */
export const injectionReasons: Record<InjectionKind, string> = {
  sets_rules_aside: 'it asks to set the rubric or the instructions aside',
  asks_for_marks: 'it asks for marks',
  claims_authority: 'it claims to speak for the teacher',
  addresses_grader: 'it speaks to the grader',
  role_marker: 'it imitates a message of the system',
  fake_verdict: 'it contains a ready-made verdict',
  false_end: 'it imitates the end of the answer',
  encoded: 'it contains encoded instructions',
  spaced_letters: 'it spells out an order letter by letter',
  invisible_characters: 'it contains invisible characters',
};

/** Most UTF-16 code units of the folded text between the two terms of a pair. */
const pairDistance = 80;
const injectionsMax = 100;
/** Pairs of terms that are looked at; many of them may make one passage. */
const pairsMax = 1_000;
/** A message after so few words of its sentence is what the sentence is for. */
const wordsBeforeMax = 4;
/** An order stands this close to the beginning of its sentence. */
const wordsBeforeOrderMax = 2;
/** A sentence with so many words around quotation marks talks about what is between them. */
const wordsAroundMin = 5;

interface Reader {
  text: string;
  sentences: Span[];
}

/** Index of the last of these ordered spans that begins at or before a position, or -1. */
function lastAtOrBefore(spans: readonly Span[], position: number): number {
  let low = 0;
  let high = spans.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((spans[middle]?.start ?? 0) <= position) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function sentenceAt(reader: Reader, position: number): Span {
  // Every visible character is in a sentence, and hits are visible.
  return reader.sentences[lastAtOrBefore(reader.sentences, position)] ?? { start: 0, end: reader.text.length };
}

/** Sentences without end are read this far around a passage. */
const contextCharacters = 300;
const openQuote =
  /(?:[\u201c\u201e\u00ab\u2018\u201a\u300c\u300e]|(?<![\p{L}\p{N}])["'`])[^"\u201c-\u201f\u00ab\u00bb\u300c-\u300f]*$/u;
const closedQuote =
  /^[^"\u201c-\u201f\u00ab\u00bb\u300c-\u300f\n]*?(?:["\u201c\u201d\u00bb\u300d\u300f]|['`\u2019](?![\p{L}\p{N}]))/u;

/**
 * The whole passage to which a suspicious phrase belongs. A phrase between quotation marks, in a sentence that says
 * more, is talked about: only what is between the marks counts. Otherwise all that follows in the sentence belongs to
 * it, and what stands before it too when that is only a few words.
 */
function passageAround(reader: Reader, phrase: Span): Span {
  const { text } = reader;
  const sentence = sentenceAt(reader, phrase.start);
  const end = Math.max(sentence.end, phrase.end);
  const before = text.slice(Math.max(sentence.start, phrase.start - contextCharacters), phrase.start);
  const after = text.slice(phrase.end, Math.min(end, phrase.end + contextCharacters));
  const opening = openQuote.exec(before);
  const closing = closedQuote.exec(after);
  if (opening && closing) {
    const around = words(before.slice(0, opening.index)).length + words(after.slice(closing[0].length)).length;
    if (around >= wordsAroundMin) {
      return { start: phrase.start - (before.length - opening.index), end: phrase.end + closing[0].length };
    }
  }
  return { start: words(before).length <= wordsBeforeMax ? Math.min(sentence.start, phrase.start) : phrase.start, end };
}

interface Pair {
  verb: Span;
  object: Span;
}

/**
 * A hit of each list within one sentence, as `isMeant` accepts them. The bound counts accepted pairs only: what is
 * refused must not crowd out what comes after it.
 */
function pairs(
  reader: Reader,
  verbs: readonly Span[],
  objects: readonly Span[],
  isMeant: (pair: Pair) => boolean = () => true,
): Pair[] {
  const found: Pair[] = [];
  let first = 0;
  for (const verb of verbs) {
    while (first < objects.length && (objects[first]?.end ?? 0) < verb.start - pairDistance) first += 1;
    for (let next = first; next < objects.length && found.length < pairsMax; next += 1) {
      const object = objects[next];
      if (!object || object.start > verb.end + pairDistance) break;
      const isOneSentence = sentenceAt(reader, verb.start) === sentenceAt(reader, object.start);
      if (isOneSentence && isMeant({ verb, object })) found.push({ verb, object });
    }
  }
  return found;
}

/** Whether common rules are meant as the grader's: the order begins its sentence, or an owner stands between the two. */
function isOrder(reader: Reader, { verb, object }: Pair, owners: readonly Span[]): boolean {
  const sentence = sentenceAt(reader, verb.start);
  const before = reader.text.slice(sentence.start, Math.min(verb.start, sentence.start + contextCharacters));
  if (words(before).length <= wordsBeforeOrderMax) return true;
  const [left, right] = verb.start < object.start ? [verb, object] : [object, verb];
  const owner = owners[lastAtOrBefore(owners, right.start - 1)];
  return owner !== undefined && owner.start >= left.end;
}

function findPhrases(reader: Reader, folded: FoldedText): Injection[] {
  const hits = findTerms(folded);
  const of = (list: TermList) => hits.filter((hit) => hit.list === list);
  const ignoreVerbs = of('ignoreVerbs');
  const fullMarks = of('fullMarks');
  const owners = of('ownership');
  const around = (kind: InjectionKind) => (pair: Pair) => ({
    kind,
    ...passageAround(reader, {
      start: Math.min(pair.verb.start, pair.object.start),
      end: Math.max(pair.verb.end, pair.object.end),
    }),
  });
  const isVerbFirst = ({ verb, object }: Pair) => verb.start < object.start;
  return [
    ...pairs(reader, ignoreVerbs, of('graderRules')).map(around('sets_rules_aside')),
    ...pairs(reader, ignoreVerbs, of('commonRules'), (pair) => isOrder(reader, pair, owners)).map(
      around('sets_rules_aside'),
    ),
    ...pairs(reader, of('awardVerbs'), fullMarks, isVerbFirst).map(around('asks_for_marks')),
    ...pairs(reader, of('finalAwardVerbs'), fullMarks, (pair) => !isVerbFirst(pair)).map(around('asks_for_marks')),
    ...pairs(reader, of('authorities'), of('authorityClaims')).map(around('claims_authority')),
    ...of('addressPhrases')
      .slice(0, pairsMax)
      .map((phrase) => ({ kind: 'addresses_grader' as const, ...passageAround(reader, phrase) })),
  ];
}

/**
 * Passages of an answer that speak to its grader instead of answering: orders to set the rubric aside or to give full
 * marks in some twenty languages, claims to be the teacher, imitated system messages, verdicts and delimiters, the same
 * things encoded or written with look-alike or invisible characters. At most 100, in the order of the text; the last of
 * 100 reaches to the end. Linear.
 *
 * It can only be a suspicion: an essay may be about such attacks. So a hit never takes points away; it asks a person
 * to look, and it keeps a passage that is mostly such a message from counting as evidence.
 */
export function findInjections(text: string): Injection[] {
  const reader: Reader = { text, sentences: splitSentences(text) };
  const folded = foldText(text);
  const shapes = findShapes(text, folded, (decoded) => findWritten(decoded).length > 0).map((shape) =>
    shape.kind === 'false_end' || shape.kind === 'role_marker' || shape.kind === 'fake_verdict'
      ? { kind: shape.kind, ...passageAround(reader, shape) }
      : shape,
  );
  const all = [...findPhrases(reader, folded), ...shapes].toSorted((a, b) => a.start - b.start || a.end - b.end);
  const found = [...new Map(all.map((injection) => [`${injection.kind} ${injection.start}`, injection])).values()];
  const last = found[injectionsMax - 1] ?? found.at(-1);
  // Where so many are found that not all were looked for, the rest of the text belongs to the last one: otherwise a
  // hundred decoys would hide the message that counts.
  if (last && (found.length >= injectionsMax || all.length >= pairsMax)) last.end = text.length;
  return found.slice(0, injectionsMax);
}

/** The phrases of a text that was encoded: what is encoded twice is not looked for. */
function findWritten(text: string): Injection[] {
  return findPhrases({ text, sentences: splitSentences(text) }, foldText(text));
}

/** The parts of `span` that no suspicious passage covers. `injections` are in order of their start. */
export function outsideInjections(span: Span, injections: readonly Span[]): Span[] {
  const outside: Span[] = [];
  let from = span.start;
  for (const injection of injections) {
    if (injection.end <= from) continue;
    if (injection.start >= span.end) break;
    if (injection.start > from) outside.push({ start: from, end: injection.start });
    from = injection.end;
  }
  if (from < span.end) outside.push({ start: from, end: span.end });
  return outside;
}
