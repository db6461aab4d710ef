import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { StateDocument, SubmissionDocument } from '../../shared/assessment/schemas.ts';
import type { GradingJob, LedgerDocument, ResultDocument } from '../../shared/grading/documents.ts';
import type { OutboxRecord } from '../../shared/platform/outbox.ts';
import { startVendorStub, type VendorBehaviour, type VendorStub } from '../adapters/llm/vendor-stub.ts';
import type { AppOptions } from '../app.ts';
import { type Lab, type Person, startLab } from '../http/client.ts';

/** What the vendors' stub answers when it likes the good answer of `client.ts`. */
export const goodVerdict = {
  criteria: [
    { criterion: 0, level: 1, points: 4, reason: 'Names all three.', quotes: ['light, water and carbon dioxide'] },
    { criterion: 1, level: 1, points: 6, reason: 'Says what it does.', quotes: ['Chlorophyll absorbs the light'] },
  ],
  feedback: '<p>Well <b>done</b>.</p>',
  confidence: 0.9,
};

export const good: VendorBehaviour = { kind: 'answer', value: goodVerdict };

export const models = { anthropic: 'model-a', openai: 'model-o' } as const;

/**
 * Settings with which the application asks the stub instead of the vendors. It waits longer for an answer than any test
 * does, so that a call which a test holds back never ends by itself.
 */
export function vendorSettings(stub: VendorStub, providers: string): Record<string, string> {
  return {
    LLM_PROVIDERS: providers,
    ANTHROPIC_API_KEY: 'a key for tests',
    ANTHROPIC_BASE_URL: stub.anthropicBaseUrl,
    OPENAI_API_KEY: 'a key for tests',
    OPENAI_BASE_URL: stub.openaiBaseUrl,
    LLM_GRADING_ANTHROPIC_MODEL: models.anthropic,
    LLM_GRADING_OPENAI_MODEL: models.openai,
    LLM_PRICES: JSON.stringify({
      [models.anthropic]: { input: 3_000_000, cached_input: 300_000, output: 15_000_000 },
      [models.openai]: { input: 250_000, cached_input: 25_000, output: 2_000_000 },
    }),
    LLM_TIMEOUT_S: '60',
    GRADING_RETRY_BASE_S: '1',
  };
}

/** An application that asks the vendors' stub. Delays between tries are as short as the settings allow. */
export async function startModelLab(providers: string, options: AppOptions = {}) {
  const stub = await startVendorStub();
  stub.script(() => good);
  const lab = await startLab({
    ...options,
    settings: { ...vendorSettings(stub, providers), ...options.settings },
    overrides: { random: () => 0, ...options.overrides },
  });
  const handedIn = new Set<string>();
  return {
    ...lab,
    stub,
    /** Every submission that was acknowledged. */
    handedIn,
    async submit(...args: Parameters<Lab['submit']>) {
      const submission = await lab.submit(...args);
      handedIn.add(submission.submission_id);
      return submission;
    },
    async close() {
      await lab.close();
      await stub.close();
    },
  };
}

export type ModelLab = Awaited<ReturnType<typeof startModelLab>>;

export async function until<T>(what: string, find: () => Promise<T | undefined>, withinMs = 20_000): Promise<T> {
  const deadline = Date.now() + withinMs;
  while (Date.now() < deadline) {
    const found = await find();
    if (found !== undefined) return found;
    await sleep(25);
  }
  throw new Error(`Not in time: ${what}`);
}

type Read = Pick<Lab, 'container'>;

async function query<T>(lab: Read, text: string): Promise<T[]> {
  const { resources } = await lab.container('coursework').items.query<T>(text).fetchAll();
  return resources;
}

export function outboxOf(lab: Read): Promise<(OutboxRecord & GradingJob)[]> {
  return query(lab, `SELECT * FROM c WHERE c.type = 'outbox'`);
}

/** The message that asked for the grading of the only submission that waits. */
export async function onlyJob(lab: Read): Promise<{ job: GradingJob; messageId: string }> {
  const [record, ...others] = await outboxOf(lab);
  if (record === undefined || others.length > 0) throw new Error(`There are ${others.length} more records than one`);
  // The outbox holds what `handIn` stored there.
  return { job: record.message as GradingJob, messageId: record.message_id };
}

export async function resultOf(lab: Read, submissionId: string): Promise<ResultDocument> {
  const [found] = await query<ResultDocument>(
    lab,
    `SELECT * FROM c WHERE c.type = 'result' AND c.submission_id = '${submissionId}'`,
  );
  if (found === undefined) throw new Error(`There is no result for ${submissionId}`);
  return found;
}

/** Waits until the submission is in one of these states of grading. */
export function untilStatus(lab: Read, submissionId: string, ...statuses: string[]): Promise<ResultDocument> {
  return until(`${submissionId} ${statuses.join(' or ')}`, async () => {
    const result = await resultOf(lab, submissionId);
    return statuses.includes(result.status) ? result : undefined;
  });
}

export interface Settled {
  submission: SubmissionDocument;
  result: ResultDocument;
  ledger: LedgerDocument[];
}

type Any = SubmissionDocument | ResultDocument | LedgerDocument | StateDocument | { type: 'enrolment' | 'outbox' };

function checkOne({ submission, result, ledger }: Settled, states: readonly StateDocument[]): void {
  const id = submission.submission_id;
  const events = ledger.map((event) => event.event);
  expect([id, ledger.map((event) => event.seq)]).toEqual([id, ledger.map((_, index) => index + 1)]);
  expect([id, result.ledger_seq]).toEqual([id, ledger.length]);
  expect([id, events[0]]).toEqual([id, 'submitted']);
  expect([id, result.grading.status]).toEqual([id, result.status]);
  const gradings = events.filter((event) => event === 'graded').length;
  if (result.status === 'needs_attention') {
    expect([id, result.outcome, gradings]).toEqual([id, null, 0]);
    expect(events).toContain('grading_failed');
    return;
  }
  expect([id, result.status, result.job]).toEqual([id, 'done', null]);
  expect(result.outcome?.submission_id).toBe(id);
  // Exactly one grading, unless a person decided before the machine could.
  expect([id, gradings]).toEqual([id, events.includes('overridden') ? Math.min(gradings, 1) : 1]);
  const state = states.find((one) => one.latest_submission_id === id);
  expect([id, result.is_latest, state?.status]).toEqual([
    id,
    state !== undefined,
    state === undefined ? undefined : 'outcome_available',
  ]);
}

/**
 * Waits until no job is left, then reads what is stored and checks it for every submission there is: exactly one
 * outcome, or a person is asked; the ledger without gaps and with one grading; no outbox record.
 */
export async function expectSettled(lab: Read, count: number, withinMs = 20_000): Promise<Settled[]> {
  await until('an empty outbox', async () => ((await outboxOf(lab)).length === 0 ? true : undefined), withinMs);
  const documents = await query<Any>(lab, 'SELECT * FROM c');
  const states = documents.filter((doc) => doc.type === 'state');
  const settled = documents
    .filter((doc) => doc.type === 'submission')
    .map((submission): Settled => {
      const id = submission.submission_id;
      const results = documents.filter((doc) => doc.type === 'result').filter((doc) => doc.submission_id === id);
      const ledger = documents.filter((doc) => doc.type === 'ledger').filter((doc) => doc.submission_id === id);
      const [result] = results;
      if (result === undefined || results.length > 1) throw new Error(`${results.length} results of ${id}`);
      return { submission, result, ledger: ledger.sort((a, b) => a.seq - b.seq) };
    });
  expect(settled).toHaveLength(count);
  for (const one of settled) checkOne(one, states);
  return settled;
}

/** Reads the ledger as staff do. */
export async function ledgerOf(staff: Person, submissionId: string): Promise<LedgerDocument[]> {
  const reply = await staff.get(`/api/v1/submissions/${submissionId}/ledger`);
  expect(reply.status).toBe(200);
  return reply.json<LedgerDocument[]>();
}
