import { describe, expect, test } from 'vitest';
import { mayMachineWrite, nextState, waitedS } from '../../shared/grading/state-rules.ts';

describe('nextState', () => {
  const opened = { kind: 'opened' } as const;
  const submitted = { kind: 'submitted' } as const;
  const latest = { kind: 'outcome_stored', isLatestSubmission: true } as const;
  const older = { kind: 'outcome_stored', isLatestSubmission: false } as const;

  test.each([
    [null, opened, 'not_submitted'],
    ['not_submitted', opened, 'not_submitted'],
    ['submitted_processing', opened, 'submitted_processing'],
    ['outcome_available', opened, 'outcome_available'],
    [null, submitted, 'submitted_processing'],
    ['not_submitted', submitted, 'submitted_processing'],
    ['submitted_processing', submitted, 'submitted_processing'],
    ['outcome_available', submitted, 'submitted_processing'],
    [null, latest, undefined],
    ['not_submitted', latest, undefined],
    ['not_submitted', older, undefined],
    ['submitted_processing', latest, 'outcome_available'],
    ['outcome_available', latest, 'outcome_available'],
    ['submitted_processing', older, 'submitted_processing'],
    ['outcome_available', older, 'outcome_available'],
  ] as const)('%s + %j = %s', (state, event, expected) => {
    expect(nextState(state, event)).toBe(expected);
  });
});

describe('a machine may write', () => {
  test.each([
    [null, false, true],
    [null, true, true],
    [true, false, true],
    [true, true, true],
    [false, false, false],
    [false, true, true],
  ])('over an outcome by a machine = %s, forced by a person = %s: %s', (isLlmGenerated, forcedByPerson, expected) => {
    const currentOutcome = isLlmGenerated === null ? null : { is_llm_generated: isLlmGenerated };
    expect(mayMachineWrite({ currentOutcome, forcedByPerson })).toBe(expected);
  });
});

test.each([
  [90_061, 90.1],
  [40, 0],
  [-5_000, 0],
])('a student who handed in %i ms ago has waited %f s', (agoMs, seconds) => {
  const nowMs = Date.parse('2026-11-21T12:00:00.000Z');
  expect(waitedS(new Date(nowMs - agoMs).toISOString(), nowMs)).toBe(seconds);
});
