import type { Clock } from '../../shared/platform/clock.ts';
import type {
  ContextLike,
  CoreContext,
  Handler,
  InvocationModel,
  LogLevel,
  RegisteredFunction,
  RetryOptions,
  RpcRequest,
  RpcTypedData,
  WorkerState,
} from './worker-module.ts';
import { programmingModel } from './worker-module.ts';

export interface Call {
  readonly invocationId: string;
  readonly fn: RegisteredFunction;
  /** The name of the trigger's binding and its value. */
  readonly triggerName: string;
  readonly data: RpcTypedData;
  readonly triggerMetadata: Record<string, RpcTypedData>;
  readonly traceParent?: string | undefined;
  readonly traceState?: string | undefined;
  readonly retryContext?: RpcRequest['retryContext'];
}

/** A failed HTTP call can still be answered through the library, which alone knows the waiting caller. */
export type Outcome = { readonly ok: true } | { readonly ok: false; respond(result: unknown): Promise<unknown> };

export interface InvokerOptions {
  readonly worker: WorkerState;
  readonly clock: Clock;
  readonly functionTimeoutMs: number | undefined;
  /** Of the traces that begin here, from 0 to 1. */
  readonly sampledShare: number;
  /** Lines of the host itself and of the library. */
  readonly logSystem: (level: LogLevel, message: string, fields?: Record<string, unknown>) => void;
  /** Lines that functions wrote. */
  readonly logUser: (level: LogLevel, message: string) => void;
}

export class FunctionTimeoutError extends Error {
  override readonly name = 'FunctionTimeoutError';
}

const severe: ReadonlySet<LogLevel> = new Set(['information', 'warning', 'error', 'critical']);
/** The longest time that a Node timer can hold. */
const timerMaxMs = 2 ** 31 - 1;

/** Runs functions as the real worker does: arguments, hooks, handler, hooks, response. */
export class Invoker {
  readonly #options: InvokerOptions;
  readonly #running = new Set<Promise<unknown>>();
  readonly #appHookData: Record<string, unknown> = {};

  constructor(options: InvokerOptions) {
    this.#options = options;
  }

  /** Never rejects: a failure is logged with its stack and told in the outcome. */
  invoke(call: Call): Promise<Outcome> {
    const run = this.#withinTimeout(call);
    this.#running.add(run);
    // The outcome never rejects, so this chain cannot either.
    void run.then(() => this.#running.delete(run));
    return run;
  }

  /** Calls again after a failure as the function's retry policy says; a policy is all that makes the real host retry. */
  async invokeWithRetry(call: Omit<Call, 'invocationId'>, newId: () => string, signal: AbortSignal): Promise<Outcome> {
    const policy = call.fn.metadata.retryOptions;
    for (let retry = 0; ; retry++) {
      const retryContext = policy && { retryCount: retry, maxRetryCount: policy.maxRetryCount };
      const outcome = await this.invoke({ ...call, invocationId: newId(), retryContext });
      const isLast = !policy || (policy.maxRetryCount !== -1 && retry >= policy.maxRetryCount);
      if (outcome.ok || isLast || signal.aborted) return outcome;
      await pause(retryDelayMs(policy, retry), signal);
      if (signal.aborted) return outcome;
    }
  }

  async runAppHooks(name: 'appStart' | 'appTerminate'): Promise<void> {
    await this.#runHooks(name, { hookData: this.#appHookData, appHookData: this.#appHookData });
  }

  /** True when nothing runs any more, false when `drainMs` went by before. */
  async drain(drainMs: number): Promise<boolean> {
    const deadline = Date.now() + drainMs;
    while (this.#running.size > 0 && Date.now() < deadline) {
      await Promise.race([Promise.all(this.#running), pause(Math.max(1, deadline - Date.now()))]);
    }
    return this.#running.size === 0;
  }

  async #withinTimeout(call: Call): Promise<Outcome> {
    const { functionTimeoutMs } = this.#options;
    const context = this.#coreContext(call);
    let model: InvocationModel;
    try {
      model = programmingModel().getInvocationModel(context);
    } catch (error) {
      return this.#failed(call, error, undefined);
    }
    const run = this.#run(call, context, model).catch((error: unknown) => this.#failed(call, error, model));
    if (functionTimeoutMs === undefined || functionTimeoutMs > timerMaxMs) return run;
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    const timer = setTimeout(() => {
      const error = new FunctionTimeoutError(`Timeout value of ${functionTimeoutMs} ms exceeded by function.`);
      resolve(this.#failed(call, error, model));
    }, functionTimeoutMs);
    void run.then((outcome) => {
      clearTimeout(timer);
      resolve(outcome);
    });
    return promise;
  }

  async #run(call: Call, core: CoreContext, model: InvocationModel): Promise<Outcome> {
    const { hooks } = this.#options.worker;
    const { context, inputs } = await model.getArguments();
    const hookData = {};
    const shared = { hookData, appHookData: this.#appHookData, invocationContext: context };
    const before: { inputs: unknown[]; functionCallback: Handler } & Record<string, unknown> = {
      ...shared,
      inputs,
      functionCallback: call.fn.handler,
    };
    if (hooks.has('preInvocation')) {
      core.state = 'preInvocationHooks';
      await this.#runHooks('preInvocation', before);
    }
    const after: Record<string, unknown> = { ...shared, inputs: before.inputs, result: null, error: null };
    core.state = 'invocation';
    try {
      after['result'] = await model.invokeFunction(context, before.inputs, before.functionCallback);
    } catch (error) {
      // A thrown null or undefined must not look like success.
      after['error'] = error ?? new Error(`The handler threw ${error}.`);
    }
    if (hooks.has('postInvocation')) {
      core.state = 'postInvocationHooks';
      await this.#runHooks('postInvocation', after);
    }
    core.state = undefined;
    if (after['error'] !== null && after['error'] !== undefined) throw after['error'];
    await model.getResponse(context, after['result']);
    return { ok: true };
  }

  /**
   * The span that the caller names. The real host puts one of its own between, and exports it; this one exports none, and
   * what nobody exports would be a gap in every picture of the trace. Without a caller's span a new trace begins here.
   */
  #traceParent({ traceParent, invocationId }: Call): string {
    if (/^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/.test(traceParent ?? '')) return traceParent ?? '';
    const hex = invocationId.replaceAll('-', '');
    // Random digits of the id decide, as with the sampler of the real host.
    const isSampled = Number.parseInt(hex.slice(0, 8), 16) / 2 ** 32 < this.#options.sampledShare;
    return `00-${hex}-${hex.slice(-16)}-${isSampled ? '01' : '00'}`;
  }

  async #runHooks(name: string, context: Record<string, unknown>): Promise<void> {
    for (const callback of this.#options.worker.hooks.get(name) ?? []) await callback(context);
  }

  #failed(call: Call, error: unknown, model: InvocationModel | undefined): Outcome {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#options.logSystem('error', text, { function: call.fn.metadata.name, invocation_id: call.invocationId });
    const context: ContextLike = { invocationId: call.invocationId, extraOutputs: { get: () => undefined } };
    return {
      ok: false,
      respond: async (result) => model?.getResponse(context, result),
    };
  }

  #coreContext(call: Call): CoreContext {
    const { logSystem, logUser, worker } = this.#options;
    const name = call.fn.metadata.name;
    const request: RpcRequest = {
      invocationId: call.invocationId,
      inputData: [{ name: call.triggerName, data: call.data }],
      triggerMetadata: call.triggerMetadata,
      traceContext: {
        traceParent: this.#traceParent(call),
        traceState: call.traceState ?? '',
        attributes: {},
      },
    };
    if (call.retryContext) request.retryContext = call.retryContext;
    return {
      invocationId: call.invocationId,
      request,
      metadata: call.fn.metadata,
      state: undefined,
      log: (level, category, message) => {
        if (!severe.has(level)) return;
        if (category !== 'user') {
          logSystem(level, message, { function: name, invocation_id: call.invocationId });
          return;
        }
        const line = { level, message, category, hookData: {} };
        for (const callback of worker.hooks.get('log') ?? []) void callback(line);
        logUser(line.level, line.message);
      },
    };
  }
}

function retryDelayMs(policy: RetryOptions, retry: number): number {
  if (policy.retryStrategy !== 'exponentialBackoff') return (policy.delayInterval?.seconds ?? 0) * 1000;
  const minimum = (policy.minimumInterval?.seconds ?? 1) * 1000;
  return Math.min(minimum * 2 ** retry, (policy.maximumInterval?.seconds ?? 3600) * 1000);
}

/** Ends early, without an error, when the signal fires. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, Math.min(ms, timerMaxMs));
  const stop = () => {
    clearTimeout(timer);
    resolve();
  };
  if (signal?.aborted) stop();
  signal?.addEventListener('abort', stop, { once: true });
  return promise.finally(() => signal?.removeEventListener('abort', stop));
}
