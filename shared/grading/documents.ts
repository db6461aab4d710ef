import { z } from 'zod';
import { Id, Timestamp } from '../platform/schemas.ts';
import type { GradingState, OutcomeData } from './schemas.ts';

/** The message that asks for one grading. All fields have been there from the start, so none is optional. */
export const GradingJob = z.object({
  job_id: Id,
  comp_id: Id,
  student_user_id: Id,
  entry_id: Id,
  submission_id: Id,
  /** The id that the outcome will have, fixed when the job is made, so that a repeated job makes the same one. */
  outcome_id: Id,
  attempt: z.int().min(1),
});
export type GradingJob = z.output<typeof GradingJob>;

export interface StoredOutcome {
  outcome_id: string;
  submission_id: string;
  outcome_data: OutcomeData;
  is_llm_generated: boolean;
  generated_at: string;
}

/**
 * The changing part of a submission: where its grading stands and the outcome that counts. It is apart from the
 * submission so that grading never rewrites an answer of up to 1 MB, and its ETag decides who may write an outcome.
 */
export interface ResultDocument {
  id: string;
  type: 'result';
  schema_version: 1;
  comp_id: string;
  student_user_id: string;
  entry_id: string;
  submission_id: string;
  is_latest: boolean;
  /** `grading.status` once more at the top, because the index lists it there. */
  status: GradingState['status'];
  grading: GradingState;
  outcome: StoredOutcome | null;
  /** The job that may write the outcome; null when none is under way. */
  job: {
    job_id: string;
    /** The attempt that is due or under way; a message of an earlier one comes too late and does nothing. */
    attempt: number;
    queued_at: string;
    claimed_by: string | null;
    claimed_until: string | null;
    bad_outputs: number;
  } | null;
  /** What the tries of this job have used so far. */
  spent: Spending;
  /** Number of the last ledger event. */
  ledger_seq: number;
  updated_at: string;
  _etag?: string;
}

export interface Spending {
  input_tokens: number;
  output_tokens: number;
  cost_micro_usd: number;
}

export const LedgerEvent = z
  .object({
    seq: z.int().min(1).describe('Counts from 1 within one submission'),
    at: Timestamp,
    event: z.enum(['submitted', 'graded', 'regenerated', 'overridden', 'grading_failed']),
    actor: z.object({ kind: z.enum(['person', 'model', 'system']), id: z.string() }).describe('Who did it'),
    outcome_id: Id.nullable(),
    score_before: z.number().nullable(),
    score_after: z.number().nullable(),
    reason: z.string().nullable(),
    provider: z.string().nullable(),
    model: z.string().nullable(),
    prompt_version: z.string().nullable(),
    rubric_hash: z.string().nullable(),
    input_tokens: z.int().min(0),
    output_tokens: z.int().min(0),
    cost_micro_usd: z.int().min(0).describe('Millionths of a US dollar'),
    previous_outcome: z.unknown().describe('The outcome that this event replaced, whole; null when there was none'),
  })
  .meta({ id: 'LedgerEvent', description: 'One thing that happened to a submission; never changed afterwards.' });
export type LedgerEvent = z.output<typeof LedgerEvent>;

export interface LedgerDocument extends LedgerEvent {
  id: string;
  type: 'ledger';
  schema_version: 1;
  comp_id: string;
  student_user_id: string;
  submission_id: string;
}

export function resultId(submissionId: string): string {
  return `result:${submissionId}`;
}

/** Two writers of one sequence number meet at the same id, so only one of them can be right. */
export function ledgerId(submissionId: string, seq: number): string {
  return `ledger:${submissionId}:${String(seq).padStart(6, '0')}`;
}

/** The event as it is stored, numbered after those that the result knows of. */
export function nextLedgerEvent(
  result: ResultDocument,
  event: Pick<LedgerEvent, 'at' | 'event' | 'actor'> & Partial<LedgerEvent>,
): LedgerDocument {
  const seq = result.ledger_seq + 1;
  return {
    id: ledgerId(result.submission_id, seq),
    type: 'ledger',
    schema_version: 1,
    comp_id: result.comp_id,
    student_user_id: result.student_user_id,
    submission_id: result.submission_id,
    outcome_id: null,
    score_before: null,
    score_after: null,
    reason: null,
    provider: null,
    model: null,
    prompt_version: null,
    rubric_hash: null,
    input_tokens: 0,
    output_tokens: 0,
    cost_micro_usd: 0,
    previous_outcome: null,
    ...event,
    seq,
  };
}
