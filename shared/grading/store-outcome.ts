import type { BatchOperation } from '../adapters/cosmos/container.ts';
import type { WorkSet } from '../assessment/coursework-repository.ts';
import type { StateDocument } from '../assessment/schemas.ts';
import { removeOutbox } from '../platform/outbox.ts';
import { type LedgerEvent, nextLedgerEvent, type ResultDocument, type StoredOutcome } from './documents.ts';
import { nextState } from './state-rules.ts';

/** What a person or a machine wants to write, and what the ledger shall say about it. */
export interface NewOutcome {
  outcome: StoredOutcome;
  event: Pick<LedgerEvent, 'event' | 'actor'> & Partial<LedgerEvent>;
}

function stateChange(work: WorkSet, result: ResultDocument, at: string): BatchOperation[] {
  const state: StateDocument | undefined = work.states[0];
  const status = nextState(state?.status ?? null, { kind: 'outcome_stored', isLatestSubmission: result.is_latest });
  if (state?._etag === undefined || status === undefined || status === state.status) return [];
  return [{ op: 'replace', doc: { ...state, status, updated_at: at } as StateDocument, etag: state._etag }];
}

/**
 * The batch that stores an outcome exactly once: the result as it was read (its ETag decides), the ledger event under
 * its number, the student's state, and the end of the job that was under way.
 */
export function outcomeBatch(work: WorkSet, result: ResultDocument, next: NewOutcome): BatchOperation[] {
  const { outcome } = next;
  const event = nextLedgerEvent(result, {
    at: outcome.generated_at,
    outcome_id: outcome.outcome_id,
    score_before: result.outcome?.outcome_data.score ?? null,
    score_after: outcome.outcome_data.score,
    previous_outcome: result.outcome,
    ...next.event,
  });
  const done: ResultDocument = {
    ...result,
    status: 'done',
    grading: { ...result.grading, status: 'done', next_attempt_at: null, last_error_code: null },
    outcome,
    job: null,
    ledger_seq: event.seq,
    updated_at: outcome.generated_at,
  };
  return [
    { op: 'replace', doc: done, etag: result._etag ?? '' },
    { op: 'create', doc: event },
    ...stateChange(work, result, outcome.generated_at),
    ...(work.outbox === undefined ? [] : [removeOutbox(work.outbox.job_id)]),
  ];
}
