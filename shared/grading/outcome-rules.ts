import { findInjections, type Injection, injectionReasons } from './injection-rules.ts';
import { maxPoints, sumPoints } from './rubric-rules.ts';
import {
  type CriterionScore,
  gradingLimits,
  type OutcomeData,
  type ReviewFlag,
  type Rubric,
  type StudentOutcomeData,
} from './schemas.ts';
import { cleanText } from './text-rules.ts';
import { type CriterionDoubt, type JudgedCriterion, type JudgedVerdict, judgeVerdict } from './verdict-rules.ts';

const emptyFeedback = 'No feedback was written for this answer.';

/** 10 x points / max, rounded half up to one decimal; 0 when there is nothing to reach. Points are exact hundredths. */
export function scoreOf(points: number, maximum: number): number {
  if (maximum <= 0) return 0;
  const hundredths = Math.round(points * 100);
  const maximumHundredths = Math.round(maximum * 100);
  // Whole numbers on both sides: a half is then represented exactly and always rounds up.
  return Math.min(Math.round((hundredths * 100) / maximumHundredths) / 10, 10);
}

function doubtReason(doubt: CriterionDoubt): string {
  switch (doubt.kind) {
    case 'missing':
      return 'The model did not judge this criterion, so it has 0 points.';
    case 'repeated':
      return 'The model judged this criterion more than once; the first judgement counts.';
    case 'points_out_of_bounds':
      return `The model proposed ${doubt.proposed} points, which is outside the marks of this criterion.`;
    case 'points_not_a_number':
      return 'The model gave no number of points, so the criterion has 0.';
    case 'unknown_level':
      return 'The model named a performance level that the rubric does not have.';
    case 'level_contradicts_points':
      return 'The performance level and the points contradict each other.';
    case 'no_evidence':
      return `The model proposed ${doubt.proposed} points without a quotation that occurs in the answer; none were awarded.`;
  }
}

function scoreCriterion(judged: JudgedCriterion): CriterionScore {
  const hasEvidence = judged.evidence.length > 0;
  const score: CriterionScore = {
    criterion: judged.criterion,
    points: hasEvidence ? judged.proposed : 0,
    max_points: judged.marks,
    level: judged.level,
    reason: judged.reason,
    evidence: judged.evidence,
  };
  return !hasEvidence && judged.proposed > 0 ? { ...score, proposed_points: judged.proposed } : score;
}

/** One flag for all suspicious passages, with where the first one is; it takes no points away. */
function flagInjections(visible: readonly Injection[], hidden: readonly Injection[]): ReviewFlag[] {
  const kinds = new Set([...visible, ...hidden].map((injection) => injection.kind));
  const [first] = visible;
  const where = [
    ...(first ? [`first at characters ${first.start} to ${first.end}`] : []),
    ...(hidden.length > 0 ? ['some of it in text that the page does not show'] : []),
  ];
  if (kinds.size === 0) return [];
  const reasons = [...kinds].map((kind) => injectionReasons[kind]).join(', ');
  return [{ criterion: null, reason: `The answer may address the grader: ${reasons} (${where.join('; ')}).` }];
}

/** Sanitised feedback within its bound. What would grow too long is shortened before it is sanitised, never after. */
function safeFeedback(feedback: string, sanitise: (html: string) => string): string {
  let raw = feedback;
  while (raw !== '') {
    const safe = cleanText(sanitise(raw), Number.POSITIVE_INFINITY);
    if (safe.length <= gradingLimits.feedbackCharacters) return safe.trim() === '' ? emptyFeedback : safe;
    raw = cleanText(raw, Math.floor(raw.length / 2));
  }
  return emptyFeedback;
}

export interface CombineInput {
  rubric: Rubric;
  /** Plain text of the submission; evidence offsets refer to it. */
  text: string;
  /** What the submission's HTML hides from readers; see `readAnswer`. */
  hiddenText?: string;
  /** The model's last verdict, whatever it looks like. */
  verdict: unknown;
  /** What `judgeVerdict` made of that verdict, when that is known already. */
  judged?: JudgedVerdict;
  /** Makes HTML safe to show. */
  sanitise: (html: string) => string;
}

/**
 * The outcome to store, from the model's last verdict. A criterion without a quotation that occurs in the answer gets
 * 0 points: what the model wanted stays as `proposed_points`, and the criterion is in `review`. Points are within
 * 0..marks, their sum is `points`, and the score is within 0..10 whatever the model returned.
 */
export function combine(input: CombineInput): OutcomeData {
  const judged = input.judged ?? judgeVerdict(input.verdict, input.rubric, input.text);
  const scores = judged.criteria.map(scoreCriterion);
  const points = sumPoints(scores.map((score) => score.points));
  const maximum = maxPoints(input.rubric);
  const review: ReviewFlag[] = [
    ...flagInjections(judged.injections, findInjections(input.hiddenText ?? '')),
    ...(maximum === 0 ? [{ criterion: null, reason: 'The rubric has no marks, so the score says nothing.' }] : []),
    ...(judged.unknownCriteria > 0
      ? [{ criterion: null, reason: 'The model judged criteria that the rubric does not have; they were dropped.' }]
      : []),
    ...judged.criteria.flatMap(({ criterion, doubts }) =>
      doubts.map((doubt) => ({ criterion, reason: doubtReason(doubt) })),
    ),
  ];
  return {
    feedback_text: safeFeedback(judged.feedback, input.sanitise),
    score: scoreOf(points, maximum),
    llm_confidence: judged.confidence,
    points,
    max_points: maximum,
    criteria_scores: scores,
    review: review.slice(0, gradingLimits.reviewFlags),
  };
}

/** What a student may read of an outcome: no review flags, and no points that nobody has confirmed. */
export function forStudent(outcome: OutcomeData): StudentOutcomeData {
  const { review: _review, criteria_scores, ...shown } = outcome;
  return { ...shown, criteria_scores: criteria_scores.map(({ proposed_points: _proposed, ...score }) => score) };
}
