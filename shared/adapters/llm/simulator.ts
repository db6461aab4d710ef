import type { LlmProvider } from './provider.ts';
import { LlmError } from './types.ts';

/** Characters per token in the simulator's usage figures: a common rule of thumb for English. */
const CHARS_PER_TOKEN = 4;

export const SIMULATOR_MODEL = 'simulator';

/**
 * A provider without a model: for each use, a function from the request's structured input to the answer. It is as
 * deterministic as these functions are. Its answers pass the same parsing and checks as a vendor's, and cost nothing.
 */
export function createSimulator(functions: Readonly<Record<string, (input: unknown) => unknown>>): LlmProvider {
  return {
    name: 'simulator',
    builtInModel: {
      model: SIMULATOR_MODEL,
      prices: { inputMicroUsd: 0, cachedInputMicroUsd: 0, outputMicroUsd: 0 },
    },
    async complete(request) {
      const answer = Object.hasOwn(functions, request.use) ? functions[request.use] : undefined;
      if (!answer) throw new LlmError('llm_not_configured');
      const text = JSON.stringify(await answer(request.input)) ?? '';
      const prompt = [request.system, request.cachedPrefix, ...request.messages.map((message) => message.content)];
      return {
        text,
        model: request.model,
        usage: {
          input_tokens: tokens(prompt.join('')),
          output_tokens: tokens(text),
          cached_input_tokens: 0,
          cache_write_input_tokens: 0,
        },
        stopReason: 'complete',
      };
    },
  };
}

function tokens(text: string): number {
  return Math.ceil(text.length / CHARS_PER_TOKEN);
}
