import type { Anthropic } from '@anthropic-ai/sdk';
import { z } from 'zod';
import type { Clock } from '../../platform/clock.ts';
import { schemaInstruction } from './output-schema.ts';
import type { LlmProvider, LlmProviderReply, LlmProviderRequest } from './provider.ts';
import { LlmError } from './types.ts';
import { toLlmError } from './vendor-error.ts';

export interface AnthropicOptions {
  apiKey: string;
  /** The vendor's own address when absent. */
  baseUrl?: string | undefined;
  clock: Clock;
}

/** The parts of an answer that we rely on. The SDK does not check it, and a proxy may answer 200 with anything. */
const Reply = z.object({
  model: z.string(),
  content: z.array(z.object({ type: z.string(), text: z.string().optional() })),
  stop_reason: z.string().nullable(),
  usage: z.object({
    input_tokens: z.int().nonnegative(),
    output_tokens: z.int().nonnegative(),
    cache_read_input_tokens: z.int().nonnegative().nullish(),
    cache_creation_input_tokens: z.int().nonnegative().nullish(),
  }),
});

/** Claude through the official SDK, with structured outputs and prompt caching. */
export function createAnthropicProvider(options: AnthropicOptions): LlmProvider {
  let loading: Promise<Anthropic> | undefined;
  // The SDK is loaded at the first call, because it would add to every cold start, also of functions that never call a model.
  const client = () => {
    loading ??= loadClient(options);
    return loading;
  };
  return {
    name: 'anthropic',
    async complete(request) {
      try {
        const { messages } = await client();
        const reply: unknown = await messages.create(body(request), {
          signal: request.signal,
          // Our own limit aborts first; without a number the SDK refuses large answers that are not streamed.
          timeout: request.timeoutMs + 5_000,
        });
        return read(reply);
      } catch (error) {
        throw toLlmError(error, request.signal, options.clock);
      }
    },
  };
}

async function loadClient(options: AnthropicOptions): Promise<Anthropic> {
  const sdk = await import('@anthropic-ai/sdk');
  return new sdk.Anthropic({
    apiKey: options.apiKey,
    // Null keeps the SDK from reading the environment, which only the configuration may do.
    baseURL: options.baseUrl ?? null,
    webhookKey: null,
    // The queue that brings the job is the one layer that retries.
    maxRetries: 0,
    // The SDK's debug log would print prompts.
    logLevel: 'off',
  });
}

function body(request: LlmProviderRequest): Anthropic.MessageCreateParamsNonStreaming {
  const { outputSchema } = request;
  const instructions = outputSchema.isExpressible
    ? request.system
    : `${request.system}\n\n${schemaInstruction(outputSchema)}`;
  const system: Anthropic.TextBlockParam[] = [];
  // The API refuses empty text blocks.
  if (instructions.trim() !== '') system.push({ type: 'text', text: instructions });
  if (request.cachedPrefix.trim() !== '') system.push({ type: 'text', text: request.cachedPrefix });
  const last = system.at(-1);
  if (last && request.cachedPrefix.trim() !== '') last.cache_control = { type: 'ephemeral' };
  return {
    model: request.model,
    max_tokens: request.maxOutputTokens,
    system,
    messages: request.messages.map((message) => ({ ...message })),
    ...(request.temperature === undefined ? {} : { temperature: request.temperature }),
    ...(outputSchema.isExpressible
      ? { output_config: { format: { type: 'json_schema' as const, schema: outputSchema.schema } } }
      : {}),
  };
}

function read(raw: unknown): LlmProviderReply {
  const parsed = Reply.safeParse(raw);
  if (!parsed.success) throw new LlmError('llm_unavailable');
  const { content, model, stop_reason: reason, usage } = parsed.data;
  const cached = usage.cache_read_input_tokens ?? 0;
  const written = usage.cache_creation_input_tokens ?? 0;
  return {
    model,
    text: content.map((block) => (block.type === 'text' ? (block.text ?? '') : '')).join(''),
    usage: {
      // Anthropic counts only the tokens outside the cache as input.
      input_tokens: usage.input_tokens + cached + written,
      output_tokens: usage.output_tokens,
      cached_input_tokens: cached,
      cache_write_input_tokens: written,
    },
    stopReason: stopReasonOf(reason),
  };
}

function stopReasonOf(reason: string | null): LlmProviderReply['stopReason'] {
  if (reason === 'refusal') return 'refused';
  if (reason === 'max_tokens' || reason === 'model_context_window_exceeded') return 'truncated';
  return 'complete';
}
