import type { LlmPrices, LlmSpent, LlmUsage } from './types.ts';

const TOKENS_PER_PRICE = 1_000_000n;

/** Cost of one call in micro-USD, rounded up. Integer arithmetic throughout, so sums over many calls do not drift. */
export function costMicroUsd(usage: LlmUsage, prices: LlmPrices): number {
  const cached = usage.cached_input_tokens;
  const written = usage.cache_write_input_tokens;
  // A vendor that reports more cached tokens than input tokens must not produce a negative cost.
  const plain = Math.max(0, usage.input_tokens - cached - written);
  const total =
    product(plain, prices.inputMicroUsd) +
    product(cached, prices.cachedInputMicroUsd) +
    product(written, prices.cacheWriteInputMicroUsd ?? prices.inputMicroUsd) +
    product(usage.output_tokens, prices.outputMicroUsd);
  return Number((total + TOKENS_PER_PRICE - 1n) / TOKENS_PER_PRICE);
}

function product(tokens: number, priceMicroUsd: number): bigint {
  return BigInt(tokens) * BigInt(priceMicroUsd);
}

export function addUsage(a: LlmUsage, b: LlmUsage): LlmUsage {
  return {
    input_tokens: a.input_tokens + b.input_tokens,
    output_tokens: a.output_tokens + b.output_tokens,
    cached_input_tokens: a.cached_input_tokens + b.cached_input_tokens,
    cache_write_input_tokens: a.cache_write_input_tokens + b.cache_write_input_tokens,
  };
}

export function addSpent(a: LlmSpent, b: LlmSpent): LlmSpent {
  return { usage: addUsage(a.usage, b.usage), cost_micro_usd: a.cost_micro_usd + b.cost_micro_usd };
}

/** Characters of English and JSON per token, rounded down so that an estimate made with it is rather too high. */
const CHARS_PER_TOKEN = 3;

/** Upper estimate of one call's cost, reserved from the budgets before the call and corrected by the real cost after it. */
export function estimateMicroUsd(promptChars: number, maxOutputTokens: number, prices: LlmPrices): number {
  const tokens = Math.ceil(promptChars / CHARS_PER_TOKEN);
  const written = { ...prices, inputMicroUsd: Math.max(prices.inputMicroUsd, prices.cacheWriteInputMicroUsd ?? 0) };
  return costMicroUsd(
    { input_tokens: tokens, output_tokens: maxOutputTokens, cached_input_tokens: 0, cache_write_input_tokens: 0 },
    written,
  );
}
