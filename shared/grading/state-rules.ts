import type { EntryStatus } from './schemas.ts';

/** What can happen to a student's work on an entry. */
export type EntryEvent =
  /** The student lists or opens the entry. */
  | { kind: 'opened' }
  /** The student hands in, for the first time or again. */
  | { kind: 'submitted' }
  /** A machine or a person stored an outcome, new or in place of an old one. */
  | { kind: 'outcome_stored'; isLatestSubmission: boolean };

/**
 * The state after an event; `null` is a student who has not seen the entry yet. Undefined when the event cannot happen
 * in that state. An outcome of an older submission changes nothing while a newer one is being graded: the student
 * would take the old grade for the new one.
 */
export function nextState(state: EntryStatus | null, event: EntryEvent): EntryStatus | undefined {
  switch (event.kind) {
    case 'opened':
      return state ?? 'not_submitted';
    case 'submitted':
      return 'submitted_processing';
    case 'outcome_stored':
      if (state === null || state === 'not_submitted') return undefined;
      return event.isLatestSubmission ? 'outcome_available' : state;
  }
}

/**
 * Whether a machine may store its outcome: never over a person's, unless a person forces it. `null` when the
 * submission has no outcome.
 */
export function mayMachineWrite(input: {
  currentOutcome: { is_llm_generated: boolean } | null;
  forcedByPerson: boolean;
}): boolean {
  return input.currentOutcome === null || input.currentOutcome.is_llm_generated || input.forcedByPerson;
}

/** Seconds with one decimal since a student handed in; none for a clock that was put back meanwhile. */
export function waitedS(submittedAt: string, nowMs: number): number {
  return Math.round(Math.max(0, nowMs - Date.parse(submittedAt)) / 100) / 10;
}
