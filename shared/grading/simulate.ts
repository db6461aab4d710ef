import { createEvidenceLocator, isSubstantial } from './evidence-rules.ts';
import { findInjections, outsideInjections } from './injection-rules.ts';
import { levelDirection } from './rubric-rules.ts';
import { gradingLimits, type Rubric, type Verdict } from './schemas.ts';
import { stopWords } from './stop-words.ts';
import { cleanText, foldText, type Span, splitSentences, words } from './text-rules.ts';

export interface SimulationInput {
  entryTitle: string;
  /** Plain text; null when there are none. */
  instructions: string | null;
  rubric: Rubric;
  /** Plain text of the submission. */
  text: string;
}

/** Sentences that are read; a longer answer is judged by its first ones. */
const sentencesMax = 600;
const quotesPerCriterion = 2;
const quoteCharactersMax = 300;
/** Share of a criterion's words that a full answer is expected to use; rubrics name more than one answer needs. */
const expectedCoverage = 0.5;
/** Fewer words than these ("Weekly reflection") do not say what an answer is about. */
const topicWordsMin = 3;
/** Distinct content words at which an answer reaches 63 % of full depth (1 - 1/e). */
const depthWords = 6;
/** Connectives that show an argument: one gives half, three give all. */
const connectives = new Set(
  'because therefore thus hence since so however although example instance consequently result leads causes means whereas weil deshalb daher beispiel car donc exemple porque ejemplo perche потому поэтому'.split(
    ' ',
  ),
);
/** Words by which rubrics speak about answers; an answer need not use them. */
const rubricWords = new Set(
  (
    'answer criterion criteria rubric level student quality overall sample placeholder clear clearly explain explanation describe ' +
    'description discuss identify show demonstrate understanding correct correctly accurate accuracy complete completely good ' +
    'excellent poor fair weak strong partial partially full fully mark point give provide use relevant detail detailed some ' +
    'most none not well very thorough thoroughly work task essay write written writing state name list compare evaluate ' +
    'evaluation analyse analysis example evidence support argument own word sentence question what why how name mention role clarity structure organisation organization ' +
    'grammar spelling style presentation coherent coherence logical logic flow language communication reflection depth original ' +
    'week unit lesson introduction test exercise assignment'
  )
    .split(' ')
    .map(stem),
);

/** Takes common endings off, so that "absorbs", "absorbed" and "absorbing" count as one word. Not linguistics. */
function stem(word: string): string {
  if (word.length < 5) return word.length > 3 && word.endsWith('s') && !word.endsWith('ss') ? word.slice(0, -1) : word;
  const base = word.replace(/(?:ational|isation|ization|ations?|ments?|ingly|ings?|edly|ed|ies|ied|es|ly|s|y|e)$/, '');
  return base.length >= 3 ? base : word;
}

/** The words with a meaning, stemmed; of scripts without spaces, the pairs of neighbouring signs. */
function contentWords(text: string): string[] {
  return words(foldText(text).folded).flatMap((word) => {
    if (/[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/u.test(word)) {
      const signs = Array.from(word);
      return signs.slice(1).map((sign, i) => `${signs[i]}${sign}`);
    }
    return stopWords.has(word) || word.length < 2 ? [] : [stem(word)];
  });
}

function topicWords(text: string): Set<string> {
  return new Set(contentWords(text).filter((word) => !rubricWords.has(word)));
}

interface Sentence extends Span {
  words: Set<string>;
}

/** Whether the task says the same; closing marks do not make a sentence one's own. */
function repeats(foldedTask: string, sentence: string): boolean {
  const bare = foldText(sentence).folded.replace(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]{1,20}$/gu, '');
  return bare !== '' && foldedTask.includes(bare);
}

/** Sentences that say something of the student's own: not the task's text again, and no message to the grader. */
function ownSentences(text: string, taskTexts: readonly string[]): Sentence[] {
  const injections = findInjections(text);
  const task = foldText(taskTexts.join('\n')).folded;
  return splitSentences(text)
    .slice(0, sentencesMax)
    .filter((span) =>
      outsideInjections(span, injections).some((part) => part.start === span.start && part.end === span.end),
    )
    .map((span) => ({ ...span, sentence: text.slice(span.start, span.end) }))
    .filter(({ sentence }) => isSubstantial(sentence) || sentence === text.trim())
    .filter(({ sentence }) => !repeats(task, sentence))
    .map(({ sentence, start, end }) => ({ start, end, words: new Set(contentWords(sentence)) }))
    .filter((sentence) => sentence.words.size > 0);
}

function sharedWith(wanted: ReadonlySet<string>, present: ReadonlySet<string>): number {
  return [...wanted].filter((word) => present.has(word)).length;
}

/** 0 to 1; undefined when there are no words to look for. */
function coverage(wanted: ReadonlySet<string>, present: ReadonlySet<string>): number | undefined {
  if (wanted.size === 0) return undefined;
  return Math.min(1, sharedWith(wanted, present) / (wanted.size * expectedCoverage));
}

/** The first `quoteCharactersMax` characters of a sentence, cut after a word. */
function quoteOf(text: string, sentence: Span): string {
  const whole = cleanText(text.slice(sentence.start, sentence.end), quoteCharactersMax + 1);
  if (whole.length <= quoteCharactersMax) return whole;
  const cut = whole.slice(0, quoteCharactersMax);
  const space = cut.lastIndexOf(' ');
  return cleanText(space > 0 ? cut.slice(0, space) : cut, quoteCharactersMax);
}

/** What the best level says; where the order of the levels is not known, what all of them say. */
function bestDescriptions(rubric: Rubric, row: number): string {
  const cells = rubric.cell_descriptions[row] ?? [];
  const direction = levelDirection(rubric.performance_levels);
  if (direction === undefined) return cells.join(' ');
  return (direction === 'ascending' ? cells.at(-1) : cells.at(0)) ?? '';
}

function levelFor(rubric: Rubric, share: number): number | null {
  const last = rubric.performance_levels.length - 1;
  if (last < 0) return null;
  const ascending = Math.round(share * last);
  return levelDirection(rubric.performance_levels) === 'descending' ? last - ascending : ascending;
}

/** Halves where the marks allow them, hundredths where the whole criterion is worth less than a point. */
function roundPoints(points: number, marks: number): number {
  const steps = marks >= 1 ? 2 : 100;
  return Math.min(Math.round(points * steps) / steps, marks);
}

function reasonFor(share: number, covered: number, wanted: number): string {
  if (share === 0) return 'The answer says nothing about this.';
  const found = wanted > 0 ? ` It uses ${covered} of ${wanted} expected ideas.` : '';
  if (share >= 0.75) return `The answer covers this well.${found}`;
  return share >= 0.4 ? `The answer covers a part of this.${found}` : `The answer says little about this.${found}`;
}

/**
 * A deterministic grader without a model. It reads rubric, task and answer: an answer gets points for using the
 * criterion's ideas (words of the criterion and of its best level, else of the task), for saying enough, and for giving
 * reasons; it quotes the student's sentences that share most words with the criterion. An empty answer gets 0, and so
 * does one that repeats the task or only addresses the grader. It compares words and understands nothing: use it for
 * tests and demonstrations. Total and linear; the feedback says that it is simulated.
 */
export function simulateGrading(input: SimulationInput): Verdict {
  const { rubric, text } = input;
  const taskTexts = [input.entryTitle, input.instructions ?? '', ...rubric.criteria.map((criterion) => criterion.text)];
  const task = topicWords(`${input.entryTitle} ${input.instructions ?? ''}`);
  const topics = rubric.criteria.map((criterion, row) =>
    topicWords(`${criterion.text} ${bestDescriptions(rubric, row)}`),
  );
  const allTopics = new Set([...task, ...topics.flatMap((topic) => [...topic])]);
  const sentences = ownSentences(text, taskTexts);
  const locator = createEvidenceLocator(text);
  const present = new Set(sentences.flatMap((sentence) => [...sentence.words]));
  const depth = 1 - Math.exp(-present.size / depthWords);
  // Where nothing says what the answer should be about, only its depth counts.
  const generalRelevance =
    allTopics.size < topicWordsMin ? 0.8 : Math.max(coverage(task, present) ?? 0, coverage(allTopics, present) ?? 0);
  const reasoning = Math.min(1, [...connectives].filter((word) => present.has(stem(word))).length / 3 + 0.25);

  const criteria = rubric.criteria.map((criterion, row) => {
    const wanted = topics[row] ?? allTopics;
    // A criterion without ideas of its own ("Clarity") is judged by those of the task and of the other criteria.
    const relevance = coverage(wanted, present) ?? generalRelevance;
    const share = sentences.length === 0 ? 0 : depth * relevance * (0.85 + 0.15 * reasoning);
    const sought = wanted.size > 0 ? wanted : allTopics;
    const quotes = sentences
      .map((sentence) => ({ sentence, shared: sharedWith(sought, sentence.words) }))
      .toSorted((a, b) => b.shared - a.shared || b.sentence.words.size - a.sentence.words.size)
      .slice(0, quotesPerCriterion)
      .filter(({ shared }, rank) => rank === 0 || shared > 0)
      .map(({ sentence }) => quoteOf(text, sentence))
      .filter((quote) => locator.locate(quote) !== undefined);
    const points = quotes.length === 0 ? 0 : roundPoints(share * criterion.marks, criterion.marks);
    return {
      criterion: row,
      level: levelFor(rubric, share),
      points,
      reason: reasonFor(share, sharedWith(wanted, present), wanted.size),
      quotes: points > 0 ? quotes : [],
      share,
    };
  });
  return {
    criteria: criteria.map(({ share: _share, ...criterion }) => criterion),
    feedback: feedbackFor(criteria.map((criterion) => criterion.share)),
    confidence: present.size === 0 ? 0.9 : 0.6,
  };
}

function feedbackFor(shares: readonly number[]): string {
  const mean = shares.reduce((sum, share) => sum + share, 0) / Math.max(shares.length, 1);
  const verdict =
    mean === 0
      ? 'The answer does not address the task yet.'
      : mean >= 0.75
        ? 'The answer addresses the task well.'
        : mean >= 0.4
          ? 'The answer addresses a part of the task; say more about what is missing.'
          : 'The answer says little about the task; explain your points and give reasons.';
  return cleanText(`Simulated grading, made without a language model. ${verdict}`, gradingLimits.feedbackCharacters);
}
