import { z } from 'zod';
import { createAnthropicProvider } from '../../../shared/adapters/llm/anthropic.ts';
import { createLlmGateway, type LlmGatewayOptions } from '../../../shared/adapters/llm/gateway.ts';
import { createOpenAiProvider } from '../../../shared/adapters/llm/openai.ts';
import type { LlmProvider } from '../../../shared/adapters/llm/provider.ts';
import {
  type LlmCallRecord,
  LlmError,
  type LlmProviderName,
  type LlmRequest,
} from '../../../shared/adapters/llm/types.ts';
import type { VendorBehaviour, VendorScript, VendorStub } from './vendor-stub.ts';

/** A schema with everything that needs care on its way to a vendor: ranges, lengths, nesting, null, alternatives. */
export const Verdict = z.strictObject({
  points: z.int().min(0).max(10),
  level: z.enum(['low', 'high']),
  note: z.string().min(1).max(200).nullable(),
  evidence: z.array(z.object({ quote: z.string().min(1) })).max(5),
});
export type Verdict = z.infer<typeof Verdict>;

export const goodVerdict: Verdict = { points: 7, level: 'high', note: null, evidence: [{ quote: 'osmosis' }] };

export const good = { kind: 'answer', value: goodVerdict } satisfies VendorBehaviour;

/** Stands for what a student wrote; must never be seen in an error or a record. */
export const SECRET_TEXT = 'my-private-essay-about-osmosis';

export const START_MS = Date.UTC(2030, 0, 15, 12);

export function movableClock(startMs = START_MS) {
  let nowMs = startMs;
  return {
    now: () => nowMs,
    advance: (ms: number) => {
      nowMs += ms;
    },
  };
}

/** Prices at which one token of each sort costs a different, whole number of micro-USD. */
export const PRICES = {
  inputMicroUsd: 3_000_000,
  cachedInputMicroUsd: 1_000_000,
  cacheWriteInputMicroUsd: 4_000_000,
  outputMicroUsd: 15_000_000,
};

export const GRADING_USE = {
  models: {
    anthropic: { model: 'claude-test', prices: PRICES },
    openai: { model: 'gpt-test', prices: PRICES },
  },
};

export function request(clock: { now(): number }, change: Partial<LlmRequest<Verdict>> = {}): LlmRequest<Verdict> {
  return {
    use: 'grading',
    system: 'You grade.',
    cachedPrefix: 'The rubric.',
    user: `Answer: ${SECRET_TEXT}`,
    schema: Verdict,
    schemaName: 'verdict',
    maxOutputTokens: 500,
    input: { answer: SECRET_TEXT },
    deadlineMs: clock.now() + 60_000,
    budgetKeys: [],
    ...change,
  };
}

export function vendorProviders(stub: VendorStub, clock: { now(): number }): LlmProvider[] {
  return [
    createAnthropicProvider({ apiKey: 'key-a', baseUrl: stub.anthropicBaseUrl, clock }),
    createOpenAiProvider({ apiKey: 'key-o', baseUrl: stub.openaiBaseUrl, clock }),
  ];
}

export type GatewayChange = Partial<LlmGatewayOptions> & Pick<LlmGatewayOptions, 'providers' | 'order' | 'clock'>;

export function gateway(change: GatewayChange) {
  return createLlmGateway({ uses: { grading: GRADING_USE }, timeoutMs: 5_000, maxConcurrent: 10, ...change });
}

/** The `LlmError` that the promise is rejected with; fails when there is none or another. */
export async function llmError(promise: Promise<unknown>): Promise<LlmError> {
  const error: unknown = await promise.then(
    () => new Error('It was expected to fail, and did not.'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof LlmError)) throw error;
  return error;
}

/** A gateway with one vendor, scripted to behave in turn as given; the last behaviour stays. */
export function vendorGateway(
  stub: VendorStub,
  vendor: LlmProviderName,
  behaviours: VendorBehaviour[] | VendorScript,
  timeoutMs = 5_000,
) {
  const clock = movableClock();
  const records: LlmCallRecord[] = [];
  const firstCall = stub.calls.length;
  let turn = 0;
  stub.script(
    typeof behaviours === 'function'
      ? behaviours
      : () => behaviours[Math.min(turn++, behaviours.length - 1)] ?? { kind: 'hang' },
  );
  const llm = gateway({
    providers: vendorProviders(stub, clock),
    order: [vendor],
    timeoutMs,
    clock,
    onCall: (record) => records.push(record),
  });
  return { llm, clock, records, calls: () => stub.calls.slice(firstCall) };
}
