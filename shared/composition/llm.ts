import { createAnthropicProvider } from '../adapters/llm/anthropic.ts';
import { createMemoryBudget } from '../adapters/llm/budget.ts';
import { createLlmGateway } from '../adapters/llm/gateway.ts';
import { createOpenAiProvider } from '../adapters/llm/openai.ts';
import type { LlmProvider } from '../adapters/llm/provider.ts';
import { createSimulator } from '../adapters/llm/simulator.ts';
import type { LlmGateway, LlmModel, LlmPrices } from '../adapters/llm/types.ts';
import { type SimulationInput, simulateGrading } from '../grading/simulate.ts';
import type { Clock } from '../platform/clock.ts';
import { type Config, llmProviders } from '../platform/config.ts';
import type { Logger } from '../platform/logging.ts';

function pricesOf(config: Config, model: string): LlmPrices {
  const price = config.LLM_PRICES[model];
  return {
    inputMicroUsd: price?.input ?? 0,
    cachedInputMicroUsd: price?.cached_input ?? 0,
    outputMicroUsd: price?.output ?? 0,
    ...(price?.cache_write === undefined ? {} : { cacheWriteInputMicroUsd: price.cache_write }),
  };
}

/** The models that may grade, in the order of the settings, with their prices and limits. */
export function createLlm(config: Config, clock: Clock, logger: Logger): LlmGateway {
  const providers: LlmProvider[] = [];
  if (config.ANTHROPIC_API_KEY !== undefined) {
    providers.push(
      createAnthropicProvider({ apiKey: config.ANTHROPIC_API_KEY, baseUrl: config.ANTHROPIC_BASE_URL, clock }),
    );
  }
  if (config.OPENAI_API_KEY !== undefined) {
    providers.push(createOpenAiProvider({ apiKey: config.OPENAI_API_KEY, baseUrl: config.OPENAI_BASE_URL, clock }));
  }
  // The gateway hands over exactly the input that the grading engine made.
  providers.push(createSimulator({ grading: (input) => simulateGrading(input as SimulationInput) }));
  const model = (name: string): LlmModel => ({ model: name, prices: pricesOf(config, name) });
  return createLlmGateway({
    providers,
    order: llmProviders(config),
    uses: {
      grading: {
        models: {
          anthropic: model(config.LLM_GRADING_ANTHROPIC_MODEL),
          openai: model(config.LLM_GRADING_OPENAI_MODEL),
        },
      },
    },
    timeoutMs: config.LLM_TIMEOUT_S * 1000,
    maxConcurrent: config.LLM_MAX_CONCURRENT,
    budget: createMemoryBudget({
      limitsMicroUsd: { user: config.LLM_BUDGET_USER_DAY_MICRO_USD, day: config.LLM_BUDGET_DAY_MICRO_USD },
      clock,
    }),
    clock,
    onCall: ({ about, ...record }) => logger.info('llm_call', { ...record, ...about }),
  });
}
