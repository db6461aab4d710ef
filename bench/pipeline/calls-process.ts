/**
 * What one call costs in CPU without any input or output: the library's own invocation model is handed the request as the
 * host would hand it over, and answers what the host would send. Printed as JSON.
 *
 * `dist`: the library as its package ships it, and as the bundle for Azure holds it. `source`: its sources compiled for
 * this Node, as the local host runs it.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { RegisteredFunction, RpcTypedData, WorkerState } from '../../local/host/worker-module.ts';
import { installWorkerModule, programmingModel } from '../../local/host/worker-module.ts';
import { median } from '../statistics.ts';
import { answer, benchToken, newNote, paths } from './endpoints.ts';

const warmUpCalls = 6_000;
const batches = 15;
const callsPerBatch = 2_000;

interface HttpData extends RpcTypedData {
  http: {
    method: string;
    url: string;
    headers: Record<string, string>;
    query: Record<string, string>;
    params: Record<string, string>;
    body?: { bytes: Uint8Array };
  };
}

interface Kind {
  name: 'get' | 'create' | 'nothing';
  functionName: string;
  request: HttpData;
  status: number;
}

/** The library's own build in place of the one that the local host compiles. */
function keepOwnBuild(): void {
  registerHooks({
    load: (url, context, nextLoad) =>
      url.endsWith('/@azure/functions/dist/azure-functions.js')
        ? { format: 'commonjs', source: readFileSync(fileURLToPath(url), 'utf8'), shortCircuit: true }
        : nextLoad(url, context),
  });
}

async function loadApplication(build: string | undefined): Promise<RegisteredFunction[]> {
  const worker: WorkerState = { functions: [], hooks: new Map(), isStarting: true, log: () => undefined };
  installWorkerModule(worker);
  if (build === 'dist') keepOwnBuild();
  await import('./application.ts');
  const { app } = await import('@azure/functions');
  // With streaming the library would wait for a connection of its own, which is input and output.
  app.setup({ enableHttpStream: false });
  app.http('do-nothing', {
    methods: ['GET'],
    route: 'nothing',
    handler: () => ({ status: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify(answer) }),
  });
  worker.isStarting = false;
  return worker.functions;
}

async function invoke(fn: RegisteredFunction, triggerName: string, data: HttpData) {
  const invocationId = randomUUID();
  const model = programmingModel().getInvocationModel({
    invocationId,
    metadata: fn.metadata,
    request: {
      invocationId,
      inputData: [{ name: triggerName, data }],
      triggerMetadata: {},
      traceContext: { traceParent: '', traceState: '', attributes: {} },
    },
    state: undefined,
    log: () => undefined,
  });
  const { context, inputs } = await model.getArguments();
  const result = await model.invokeFunction(context, inputs, fn.handler);
  return model.getResponse(context, result);
}

function check(response: unknown, kind: Kind): void {
  const text = JSON.stringify(response, (_, value: unknown) =>
    value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : value,
  );
  if (!text.includes(`"statusCode":"${kind.status}"`) || !text.includes(answer.note_id)) {
    throw new Error(`${kind.name} answered ${text}`);
  }
}

function microsecondsOfCpu(since?: NodeJS.CpuUsage) {
  const { user, system } = process.cpuUsage(since);
  return user + system;
}

async function measure(functions: readonly RegisteredFunction[], kind: Kind) {
  const fn = functions.find((one) => one.metadata.name === kind.functionName);
  const triggerName = Object.entries(fn?.metadata.bindings ?? {}).find(([, one]) => one.type === 'httpTrigger')?.[0];
  if (!fn || triggerName === undefined) throw new Error(`${kind.functionName} is not registered.`);
  check(await invoke(fn, triggerName, kind.request), kind);
  for (let call = 0; call < warmUpCalls; call++) await invoke(fn, triggerName, kind.request);
  const perCall: number[] = [];
  for (let batch = 0; batch < batches; batch++) {
    const before = process.cpuUsage();
    for (let call = 0; call < callsPerBatch; call++) await invoke(fn, triggerName, kind.request);
    perCall.push(microsecondsOfCpu(before) / callsPerBatch / 1000);
  }
  return { cpuMs: median(perCall), leastMs: Math.min(...perCall), mostMs: Math.max(...perCall) };
}

const base = 'http://127.0.0.1:7071';
const bodyBytes = Buffer.from(JSON.stringify(newNote));
const headers = {
  host: '127.0.0.1:7071',
  accept: 'application/json',
  'accept-encoding': 'gzip, deflate, br',
  'user-agent': 'bench/1.0',
  authorization: `Bearer ${await benchToken()}`,
  'x-forwarded-for': '203.0.113.9:50123',
  'x-forwarded-proto': 'https',
  'x-request-id': 'bench-0001',
};

const kinds: Kind[] = [
  {
    name: 'nothing',
    functionName: 'do-nothing',
    status: 200,
    request: { http: { method: 'GET', url: `${base}/nothing`, headers, query: {}, params: {} } },
  },
  {
    name: 'get',
    functionName: 'get-note',
    status: 200,
    request: {
      http: {
        method: 'GET',
        url: base + paths.get,
        headers,
        query: { limit: '20', order: 'desc' },
        params: { note_id: answer.note_id },
      },
    },
  },
  {
    name: 'create',
    functionName: 'create-note',
    status: 201,
    request: {
      http: {
        method: 'POST',
        url: base + paths.create,
        headers: { ...headers, 'content-type': 'application/json', 'content-length': String(bodyBytes.length) },
        query: {},
        params: {},
        body: { bytes: bodyBytes },
      },
    },
  },
];

const functions = await loadApplication(process.argv[2]);
const found: Record<string, Awaited<ReturnType<typeof measure>>> = {};
for (const kind of kinds) found[kind.name] = await measure(functions, kind);
console.log(JSON.stringify(found));
process.exit(0);
