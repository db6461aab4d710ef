import type { OpenAI } from 'openai';
import { z } from 'zod';
import type { Clock } from '../../platform/clock.ts';
import { schemaInstruction } from './output-schema.ts';
import type { LlmProvider, LlmProviderReply, LlmProviderRequest } from './provider.ts';
import { LlmError } from './types.ts';
import { toLlmError } from './vendor-error.ts';

export interface OpenAiOptions {
  apiKey: string;
  /**
   * The vendor's own address when absent. Any compatible server works, Azure OpenAI too: there it is
   * `https://<resource>.openai.azure.com/openai/v1` and the model is the deployment's name.
   */
  baseUrl?: string | undefined;
  /** `json_object` for compatible servers without schema support; the schema is then only told to the model. */
  responseFormat?: 'json_schema' | 'json_object' | undefined;
  /** Older compatible servers know only `max_tokens`, which the vendor's newer models refuse. */
  maxTokensField?: 'max_completion_tokens' | 'max_tokens' | undefined;
  clock: Clock;
}

/** The parts of an answer that we rely on. The SDK does not check it, and compatible servers vary. */
const Reply = z.object({
  model: z.string(),
  choices: z
    .array(
      z.object({
        finish_reason: z.string().nullish(),
        message: z.object({ content: z.string().nullish(), refusal: z.string().nullish() }),
      }),
    )
    .min(1),
  usage: z
    .object({
      prompt_tokens: z.int().nonnegative(),
      completion_tokens: z.int().nonnegative(),
      prompt_tokens_details: z
        .object({
          cached_tokens: z.int().nonnegative().nullish(),
          cache_write_tokens: z.int().nonnegative().nullish(),
        })
        .nullish(),
    })
    .nullish(),
});

/** OpenAI and servers that speak its chat completions, through the official SDK. */
export function createOpenAiProvider(options: OpenAiOptions): LlmProvider {
  let loading: Promise<OpenAI> | undefined;
  // The SDK is loaded at the first call, because it would add to every cold start, also of functions that never call a model.
  const client = () => {
    loading ??= loadClient(options);
    return loading;
  };
  return {
    name: 'openai',
    async complete(request) {
      try {
        const { chat } = await client();
        const reply: unknown = await chat.completions.create(body(request, options), {
          signal: request.signal,
          // Our own limit aborts first.
          timeout: request.timeoutMs + 5_000,
        });
        return read(reply);
      } catch (error) {
        throw toLlmError(error, request.signal, options.clock);
      }
    },
  };
}

async function loadClient(options: OpenAiOptions): Promise<OpenAI> {
  const sdk = await import('openai');
  return new sdk.OpenAI({
    apiKey: options.apiKey,
    // Null keeps the SDK from reading the environment, which only the configuration may do.
    baseURL: options.baseUrl ?? null,
    adminAPIKey: null,
    organization: null,
    project: null,
    webhookSecret: null,
    // The queue that brings the job is the one layer that retries.
    maxRetries: 0,
    // The SDK's debug log would print prompts.
    logLevel: 'off',
  });
}

function body(
  request: LlmProviderRequest,
  options: OpenAiOptions,
): OpenAI.Chat.Completions.ChatCompletionCreateParamsNonStreaming {
  const { outputSchema } = request;
  const isEnforced = options.responseFormat !== 'json_object';
  // The vendor caches equal beginnings by itself, so the parts are ordered from the most to the least stable.
  const system = [request.system, isEnforced ? '' : schemaInstruction(outputSchema), request.cachedPrefix];
  const content = system.filter((part) => part.trim() !== '').join('\n\n');
  return {
    model: request.model,
    messages: [
      ...(content === '' ? [] : [{ role: 'system' as const, content }]),
      ...request.messages.map((message) => ({ ...message })),
    ],
    [options.maxTokensField ?? 'max_completion_tokens']: request.maxOutputTokens,
    ...(request.temperature === undefined ? {} : { temperature: request.temperature }),
    response_format: isEnforced
      ? {
          type: 'json_schema',
          json_schema: {
            name: request.schemaName,
            schema: outputSchema.schema,
            strict: outputSchema.isExpressible && !outputSchema.hasOptional,
          },
        }
      : { type: 'json_object' },
  };
}

function read(raw: unknown): LlmProviderReply {
  const parsed = Reply.safeParse(raw);
  const choice = parsed.data?.choices[0];
  if (!parsed.success || !choice) throw new LlmError('llm_unavailable');
  const { model, usage } = parsed.data;
  return {
    model,
    text: choice.message.content ?? '',
    usage: {
      input_tokens: usage?.prompt_tokens ?? 0,
      output_tokens: usage?.completion_tokens ?? 0,
      cached_input_tokens: usage?.prompt_tokens_details?.cached_tokens ?? 0,
      cache_write_input_tokens: usage?.prompt_tokens_details?.cache_write_tokens ?? 0,
    },
    stopReason: stopReasonOf(choice),
  };
}

function stopReasonOf(choice: z.infer<typeof Reply>['choices'][number]): LlmProviderReply['stopReason'] {
  if (choice.finish_reason === 'content_filter' || choice.message.refusal) return 'refused';
  return choice.finish_reason === 'length' ? 'truncated' : 'complete';
}
