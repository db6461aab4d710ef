import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';

/** One value on its way between host and worker; exactly one of the members is set. */
export interface RpcTypedData {
  string?: string;
  json?: string;
  bytes?: Uint8Array;
  int?: number;
  double?: number;
}

/** A trigger, input or output as the library describes it; which members there are depends on `type`. */
export interface Binding {
  readonly type: string;
  readonly direction: 'in' | 'out';
  readonly name?: string;
  readonly [option: string]: unknown;
}

export interface RetryOptions {
  readonly maxRetryCount: number;
  readonly retryStrategy?: 'fixedDelay' | 'exponentialBackoff';
  readonly delayInterval?: { seconds: number };
  readonly minimumInterval?: { seconds: number };
  readonly maximumInterval?: { seconds: number };
}

/** What the library hands to the host for indexing; the same that the real host sees. */
export interface FunctionMetadata {
  readonly name: string;
  readonly bindings: Readonly<Record<string, Binding>>;
  readonly retryOptions?: RetryOptions | undefined;
}

export interface RpcRequest {
  invocationId: string;
  inputData: { name: string; data: RpcTypedData }[];
  triggerMetadata: Record<string, RpcTypedData>;
  traceContext: { traceParent: string; traceState: string; attributes: Record<string, string> };
  retryContext?: {
    retryCount: number;
    maxRetryCount: number;
    exception?: { message: string; source: string; stackTrace: string };
  };
}

/** The members of the library's invocation context that the host itself touches. */
export interface ContextLike {
  readonly invocationId: string;
  readonly extraOutputs: { get(name: unknown): unknown };
}

export type Handler = (...args: unknown[]) => unknown;
export type LogLevel = 'trace' | 'debug' | 'information' | 'warning' | 'error' | 'critical' | 'none';

export interface CoreContext {
  invocationId: string;
  request: RpcRequest;
  metadata: FunctionMetadata;
  state: 'preInvocationHooks' | 'invocation' | 'postInvocationHooks' | undefined;
  log(level: LogLevel, category: string, message: string): void;
}

export interface InvocationModel {
  getArguments(): Promise<{ context: ContextLike; inputs: unknown[] }>;
  invokeFunction(context: ContextLike, inputs: unknown[], handler: Handler): Promise<unknown>;
  getResponse(context: ContextLike, result: unknown): Promise<unknown>;
}

export interface ProgrammingModel {
  getInvocationModel(context: CoreContext): InvocationModel;
  getCapabilities(capabilities: Record<string, string>): Promise<Record<string, string>>;
}

export type HookCallback = (context: Record<string, unknown>) => unknown;
export interface RegisteredFunction {
  readonly metadata: FunctionMetadata;
  readonly handler: Handler;
}

/** What the library registered, in the order in which it did. */
export interface WorkerState {
  readonly functions: RegisteredFunction[];
  readonly hooks: Map<string, HookCallback[]>;
  isStarting: boolean;
  log(level: LogLevel, category: string, message: string): void;
}

const coreId = '@azure/functions-core';
const coreUrl = 'lyceum:functions-core';
const coreSymbol = Symbol.for(coreUrl);

let state: WorkerState | undefined;
let model: ProgrammingModel | undefined;

function current(): WorkerState {
  if (!state) throw new Error('The Functions host is not started.');
  return state;
}

const core = {
  version: '3.0.0',
  hostVersion: '4.1040.0',
  setProgrammingModel(next: ProgrammingModel): void {
    model = next;
  },
  getProgrammingModel: () => model,
  registerFunction(metadata: FunctionMetadata, handler: Handler): { dispose(): void } {
    const { functions, isStarting } = current();
    if (!isStarting) throw new Error(`Function "${metadata.name}" can only be registered while the app starts.`);
    const entry = { metadata, handler };
    functions.push(entry);
    return { dispose: () => void functions.splice(functions.indexOf(entry), 1) };
  },
  registerHook(name: string, callback: HookCallback): { dispose(): void } {
    const { hooks } = current();
    const callbacks = hooks.get(name) ?? [];
    hooks.set(name, callbacks);
    callbacks.push(callback);
    return { dispose: () => void callbacks.splice(callbacks.indexOf(callback), 1) };
  },
  log: (level: LogLevel, category: string, message: string) => state?.log(level, category, message),
};

/**
 * Puts the worker module in place. The library looks for it once per process and keeps it, so the module stays the
 * same object and only the state behind it changes from host to host.
 */
export function installWorkerModule(next: WorkerState): void {
  state = next;
  if (Object.hasOwn(globalThis, coreSymbol)) return;
  Object.defineProperty(globalThis, coreSymbol, { value: core });
  registerHooks({
    resolve: (specifier, context, nextResolve) =>
      specifier === coreId ? { url: coreUrl, format: 'commonjs', shortCircuit: true } : nextResolve(specifier, context),
    load: (url, context, nextLoad) => {
      if (url === coreUrl) {
        return {
          format: 'commonjs',
          source: `module.exports = globalThis[Symbol.for('${coreUrl}')]`,
          shortCircuit: true,
        };
      }
      if (url.endsWith('/@azure/functions/dist/azure-functions.js')) {
        return { format: 'commonjs', source: compileLibrary(url), shortCircuit: true };
      }
      return nextLoad(url, context);
    },
  });
}

/**
 * The library's own sources, which its package carries, compiled for this Node. The build in its `dist` is made for
 * engines without private fields and async functions and costs about 60 microseconds more a call.
 */
function compileLibrary(distUrl: string): string {
  const { outputFiles } = buildSync({
    entryPoints: [fileURLToPath(new URL('../src/index.ts', distUrl))],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'cjs',
    target: 'node24',
    packages: 'external',
    tsconfigRaw: {},
    logLevel: 'silent',
  });
  const [output] = outputFiles;
  if (!output) throw new Error('The sources of @azure/functions could not be compiled.');
  return output.text;
}

/** The library's side of the protocol; there is one as soon as the product has registered its first function. */
export function programmingModel(): ProgrammingModel {
  if (!model) throw new Error('No function was registered through @azure/functions.');
  return model;
}
