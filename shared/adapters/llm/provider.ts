import type { OutputSchema } from './output-schema.ts';
import type { LlmModel, LlmProviderName, LlmUsage } from './types.ts';

export interface LlmMessage {
  role: 'user' | 'assistant';
  content: string;
}

/** A rendered prompt for one call. */
export interface LlmProviderRequest {
  use: string;
  model: string;
  temperature?: number | undefined;
  system: string;
  cachedPrefix: string;
  /** Alternating, beginning and ending with the user; a repair round has three. */
  messages: readonly LlmMessage[];
  outputSchema: OutputSchema;
  schemaName: string;
  maxOutputTokens: number;
  input: unknown;
  /** The caller aborts `signal` after this time; given so that an SDK's own limit does not strike first. */
  timeoutMs: number;
  signal: AbortSignal;
}

export interface LlmProviderReply {
  text: string;
  model: string;
  usage: LlmUsage;
  stopReason: 'complete' | 'truncated' | 'refused';
}

/** What a vendor adapter is. `complete` throws `LlmError`; anything else it throws counts as an outage. It never retries. */
export interface LlmProvider {
  readonly name: LlmProviderName;
  /** Model and prices when the settings name none for a use. */
  readonly builtInModel?: LlmModel;
  complete(request: LlmProviderRequest): Promise<LlmProviderReply>;
}
