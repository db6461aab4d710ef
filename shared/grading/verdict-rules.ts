import { collectEvidence, createEvidenceLocator, isSubstantial } from './evidence-rules.ts';
import { findInjections, type Injection, outsideInjections } from './injection-rules.ts';
import { askAgainProblems } from './prompts/grading-v1.ts';
import { levelShare } from './rubric-rules.ts';
import { type EvidenceSpan, gradingLimits, type Rubric } from './schemas.ts';
import { cleanText } from './text-rules.ts';
import { fieldOf, numberOf } from './untrusted.ts';

/** A level and points this far apart, as shares of the marks, cannot both be meant. */
const levelGapMax = 0.5;

/** What is odd about one criterion of a verdict, for staff. */
export type CriterionDoubt =
  | { kind: 'missing' }
  | { kind: 'repeated' }
  | { kind: 'points_out_of_bounds'; proposed: number }
  | { kind: 'points_not_a_number' }
  | { kind: 'unknown_level' }
  | { kind: 'level_contradicts_points' }
  | { kind: 'no_evidence'; proposed: number };

/** One criterion as the code sees it: bounded points, and quotations that really occur in the answer. */
export interface JudgedCriterion {
  criterion: number;
  marks: number;
  /** Points of the model after bounding to 0..marks, at most two decimals; not yet tied to evidence. */
  proposed: number;
  level: number | null;
  reason: string;
  evidence: EvidenceSpan[];
  doubts: CriterionDoubt[];
}

export interface JudgedVerdict {
  criteria: JudgedCriterion[];
  feedback: string;
  /** From 0 to 1. */
  confidence: number;
  /** Items that name no criterion of the rubric; they were dropped. */
  unknownCriteria: number;
  /** Passages of the answer that speak to the grader. */
  injections: Injection[];
}

function readText(value: unknown, charactersMax: number): string {
  return typeof value === 'string' ? cleanText(value, charactersMax).trim() : '';
}

/** 0.9 and 90 are both "quite sure": values above 1 are percentages. The result is always within 0..1. */
export function normaliseConfidence(value: unknown): number {
  const read = numberOf(value) ?? 0;
  return Math.min(Math.max(read > 1 ? read / 100 : read, 0), 1);
}

function readPoints(value: unknown, marks: number): { points: number; doubts: CriterionDoubt[] } {
  const proposed = numberOf(value);
  if (proposed === undefined) return { points: 0, doubts: [{ kind: 'points_not_a_number' }] };
  const bounded = Math.min(Math.max(proposed, 0), marks);
  return {
    // Rounding must not lift points above marks; marks themselves have at most two decimals.
    points: Math.min(Math.round(bounded * 100) / 100, marks),
    doubts: bounded === proposed ? [] : [{ kind: 'points_out_of_bounds', proposed }],
  };
}

function readLevel(value: unknown, rubric: Rubric): { level: number | null; doubts: CriterionDoubt[] } {
  // A rubric without levels has no level to name; whatever a model writes there means nothing.
  if (value === null || value === undefined || rubric.performance_levels.length === 0)
    return { level: null, doubts: [] };
  const level = numberOf(value);
  const isKnown =
    level !== undefined && Number.isInteger(level) && level >= 0 && level < rubric.performance_levels.length;
  return isKnown ? { level, doubts: [] } : { level: null, doubts: [{ kind: 'unknown_level' }] };
}

function contradicts(rubric: Rubric, level: number | null, points: number, marks: number): boolean {
  if (level === null || marks === 0) return false;
  const share = levelShare(rubric.performance_levels, level);
  return share !== undefined && Math.abs(share - points / marks) > levelGapMax;
}

/** Whether a located piece counts: what is mostly a message to the grader shows nothing about the subject. */
function isGenuine(text: string, span: EvidenceSpan, injections: readonly Injection[]): boolean {
  const outside = outsideInjections(span, injections);
  const rest = outside.map((part) => text.slice(part.start, part.end)).join(' ');
  if (rest === span.quote) return true;
  return isSubstantial(rest) && rest.length * 2 >= span.quote.length;
}

function readCriteria(
  raw: unknown,
  rubric: Rubric,
): { first: Map<number, unknown>; repeated: Set<number>; unknown: number } {
  const items = fieldOf(raw, 'criteria');
  const first = new Map<number, unknown>();
  const repeated = new Set<number>();
  let unknown = 0;
  // A list far longer than any rubric is not read to its end.
  for (const item of Array.isArray(items) ? items.slice(0, 4 * gradingLimits.criteria) : []) {
    const criterion = numberOf(fieldOf(item, 'criterion'));
    if (criterion === undefined || rubric.criteria[criterion] === undefined) unknown += 1;
    else if (first.has(criterion)) repeated.add(criterion);
    else first.set(criterion, item);
  }
  return { first, repeated, unknown };
}

/**
 * Reads whatever a model returned against the rubric and the answer. Total: any value gives a judgement. Exactly one
 * item per criterion of the rubric, in its order; missing ones get 0 points; of repeated ones the first counts; points
 * are bounded to 0..marks; quotations are looked up in `text`, the plain text of the submission.
 */
export function judgeVerdict(raw: unknown, rubric: Rubric, text: string): JudgedVerdict {
  const injections = findInjections(text);
  const locator = createEvidenceLocator(text, (span) => isGenuine(text, span, injections));
  const { first, repeated, unknown } = readCriteria(raw, rubric);
  const criteria = rubric.criteria.map(({ marks }, criterion): JudgedCriterion => {
    const item = first.get(criterion);
    if (item === undefined) {
      return { criterion, marks, proposed: 0, level: null, reason: '', evidence: [], doubts: [{ kind: 'missing' }] };
    }
    const { points, doubts: pointDoubts } = readPoints(fieldOf(item, 'points'), marks);
    const { level, doubts: levelDoubts } = readLevel(fieldOf(item, 'level'), rubric);
    const quotes = fieldOf(item, 'quotes');
    const evidence = collectEvidence(
      locator,
      Array.isArray(quotes) ? quotes.filter((quote) => typeof quote === 'string') : [],
    );
    const doubts: CriterionDoubt[] = [...pointDoubts, ...levelDoubts];
    if (repeated.has(criterion)) doubts.push({ kind: 'repeated' });
    if (contradicts(rubric, level, points, marks)) doubts.push({ kind: 'level_contradicts_points' });
    if (points > 0 && evidence.length === 0) doubts.push({ kind: 'no_evidence', proposed: points });
    const reason = readText(fieldOf(item, 'reason'), gradingLimits.reasonCharacters);
    return { criterion, marks, proposed: points, level, reason, evidence, doubts };
  });
  return {
    criteria,
    feedback: readText(fieldOf(raw, 'feedback'), gradingLimits.feedbackCharacters),
    confidence: normaliseConfidence(fieldOf(raw, 'confidence')),
    unknownCriteria: unknown,
    injections,
  };
}

/** What to do with a model's verdict, and what to tell the model when it is asked again. */
export interface VerdictCheck {
  outcome: 'accept' | 'ask_again';
  /** One sentence for each problem. They never repeat words of the answer, which would leave its delimiters. */
  problems: string[];
}

/**
 * Whether a first verdict can be used. It goes back to the model, once, when a criterion awards points without a
 * quotation that occurs in the answer, or when a criterion is missing. Everything else is repaired by `combine`.
 */
export function checkVerdict(raw: unknown, rubric: Rubric, text: string): VerdictCheck {
  return checkJudged(judgeVerdict(raw, rubric, text));
}

/** The same for a verdict that was judged before: judging reads the whole answer, which is most of what grading costs. */
export function checkJudged({ criteria }: JudgedVerdict): VerdictCheck {
  const problems = criteria.flatMap(({ criterion, doubts }) =>
    doubts.flatMap((doubt) => {
      if (doubt.kind === 'no_evidence') return askAgainProblems.noEvidence(criterion, doubt.proposed);
      return doubt.kind === 'missing' ? askAgainProblems.missing(criterion) : [];
    }),
  );
  return { outcome: problems.length === 0 ? 'accept' : 'ask_again', problems };
}
