import { z } from 'zod';

/**
 * Bounds of everything that grading reads and writes. They keep a stored outcome far below the 2 MB that one document
 * may have (50 criteria x (5 quotes x 1,000 + 2,000) characters), and they bound the time that a hostile answer can cost.
 */
export const gradingLimits = {
  criteria: 50,
  levels: 20,
  marks: 1000,
  rubricTextCharacters: 4_000,
  answerCharacters: 1_000_000,
  quoteCharacters: 1_000,
  /** Quotations of one criterion that are looked up; what a model sends beyond them is not read. */
  quotesRead: 8,
  /** Located pieces of one criterion that are kept. */
  evidencePieces: 5,
  reasonCharacters: 2_000,
  feedbackCharacters: 20_000,
  reviewFlags: 200,
} as const;

/** The normal form of an entry's `rubric_definition`; made by `normaliseRubric`, which says what the bounds are. */
export const Rubric = z.object({
  criteria: z
    .array(
      z.object({
        text: z.string().describe('What is judged, in the words of the teacher'),
        marks: z.number().min(0).max(gradingLimits.marks).describe('Most points that this criterion can bring'),
      }),
    )
    .min(1)
    .max(gradingLimits.criteria)
    .describe('Rows of the rubric'),
  performance_levels: z
    .array(z.object({ text: z.string().describe('Name of the level') }))
    .max(gradingLimits.levels)
    .describe('Columns of the rubric, in the order of the teacher'),
  cell_descriptions: z
    .array(z.array(z.string()))
    .describe('What each level means for each criterion: [criterion][level], exactly one row per criterion'),
});
export type Rubric = z.infer<typeof Rubric>;

/**
 * A whole number whose JSON Schema is just `integer`: structured output refuses the `minimum` and `maximum` that
 * `z.int()` would add. Code rounds and bounds it afterwards.
 */
const index = (description: string) => z.number().meta({ type: 'integer', description });

/**
 * What the model returns. Every field is required and nothing else is allowed in the JSON Schema, as strict structured
 * output wants it; what a model adds all the same is dropped at parsing. Bounds are not in the schema but in
 * `readVerdict`, so that a grade is never lost for a confidence of 95.
 */
export const Verdict = z
  .object({
    criteria: z
      .array(
        z
          .object({
            criterion: index('Number of the criterion in the rubric, from 0'),
            level: index('Number of the performance level, from 0; null when the rubric has no levels').nullable(),
            points: z.number().describe('Points awarded, from 0 to the marks of the criterion'),
            reason: z.string().describe('Why these points, for the student, in the language of the answer'),
            quotes: z.array(z.string()).describe('Passages copied verbatim from the answer that earn the points'),
          })
          .meta({ additionalProperties: false }),
      )
      .describe('One item for each criterion of the rubric'),
    feedback: z.string().describe('Feedback to the student on the whole answer, in the language of the answer'),
    confidence: z.number().describe('How sure the grader is, from 0 to 1'),
  })
  .meta({ additionalProperties: false });
export type Verdict = z.infer<typeof Verdict>;

/** A passage of the answer. `text.slice(start, end) === quote` holds for the plain text of the submission. */
export const EvidenceSpan = z
  .object({
    start: z.int().min(0).describe('First UTF-16 code unit of the passage in the plain text of the answer'),
    end: z.int().min(1).describe('One past the last UTF-16 code unit'),
    quote: z.string().describe('The passage itself'),
  })
  .meta({ id: 'EvidenceSpan' });
export type EvidenceSpan = z.infer<typeof EvidenceSpan>;

export const CriterionScore = z
  .object({
    criterion: z.int().min(0).describe('Number of the criterion in the rubric, from 0'),
    points: z.number().min(0).describe('Points that count, at most two decimals'),
    max_points: z.number().min(0).describe('Marks of the criterion'),
    level: z.int().min(0).nullable().describe('Number of the performance level, from 0'),
    reason: z.string().max(gradingLimits.reasonCharacters).describe('Why, in plain text'),
    evidence: z.array(EvidenceSpan).max(gradingLimits.evidencePieces).describe('What in the answer earns the points'),
    proposed_points: z
      .number()
      .min(0)
      .optional()
      .describe('What the model proposed without a quotation that occurs in the answer; a person decides'),
  })
  .meta({ id: 'CriterionScore' });
export type CriterionScore = z.infer<typeof CriterionScore>;

export const ReviewFlag = z
  .object({
    criterion: z.int().min(0).nullable().describe('Number of the criterion, or null when it concerns the whole answer'),
    reason: z.string().max(gradingLimits.reasonCharacters).describe('What a person should look at'),
  })
  .meta({ id: 'ReviewFlag' });
export type ReviewFlag = z.infer<typeof ReviewFlag>;

/** What is stored as the result of one grading by a machine; a person's override may replace any of it. */
export const OutcomeData = z
  .object({
    feedback_text: z.string().max(gradingLimits.feedbackCharacters).describe('Feedback as sanitised HTML'),
    score: z.number().min(0).max(10).describe('10 x points / max_points, rounded half up to one decimal'),
    llm_confidence: z.number().min(0).max(1).describe('How sure the model says it is'),
    points: z.number().min(0).describe('Sum of the points of the criteria'),
    max_points: z.number().min(0).describe('Sum of the marks of the criteria'),
    criteria_scores: z.array(CriterionScore).max(gradingLimits.criteria).describe('One item per criterion, in order'),
    review: z
      .array(ReviewFlag)
      .max(gradingLimits.reviewFlags)
      .describe('What staff should look at; empty when nothing'),
  })
  .meta({ id: 'OutcomeData' });
export type OutcomeData = z.infer<typeof OutcomeData>;

/** The part of an outcome that its student may read: no doubts of the machine, no points that nobody has confirmed. */
export const StudentOutcomeData = OutcomeData.omit({ review: true })
  .extend({ criteria_scores: z.array(CriterionScore.omit({ proposed_points: true })) })
  .meta({ id: 'StudentOutcomeData' });
export type StudentOutcomeData = z.infer<typeof StudentOutcomeData>;

/** `needs_attention`: only a person can move it on; `done`: an outcome is stored. */
export const GradingStatus = z.enum(['queued', 'running', 'retrying', 'needs_attention', 'done']);
export type GradingStatus = z.infer<typeof GradingStatus>;

/** Where the grading of one submission stands, for people. */
export const GradingState = z
  .object({
    status: GradingStatus.describe('Where the work stands'),
    attempts: z.int().min(0).describe('Attempts begun so far'),
    next_attempt_at: z.iso.datetime().nullable().describe('When the next attempt is due, while retrying'),
    last_error_code: z.string().nullable().describe('Why the last attempt failed'),
  })
  .meta({ id: 'GradingState' });
export type GradingState = z.infer<typeof GradingState>;

/** State of one student's work on one entry. */
export const EntryStatus = z.enum(['not_submitted', 'submitted_processing', 'outcome_available']);
export type EntryStatus = z.infer<typeof EntryStatus>;
