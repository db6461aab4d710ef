import { setTimeout } from 'node:timers/promises';
import type { app as functionsApp, HttpRequest, HttpResponseInit, InvocationContext } from '@azure/functions';
import type { Attributes, SpanContext } from '@opentelemetry/api';
import { rateLimited, takeRate } from './admission.ts';
import { callerOf, takeRequestId } from './caller.ts';
import { networkOf } from './client-address-rules.ts';
import type { Endpoint } from './define-endpoint.ts';
import type { ChangeFeed, Timer, Worker } from './define-job.ts';
import { AppError } from './errors.ts';
import { currentMeter, withMeter } from './meter.ts';
import { type Arrival, handleRequest, logRequest, traceRequest } from './pipeline.ts';
import type { RateDecision } from './rate-limit.ts';
import { corsHeaders, preflightAnswer, problemAnswer, rateHeaders, toHttp } from './responses.ts';
import type { Runtime } from './runtime.ts';
import { beginTrace, endTrace, errorTypeOf, messagingAttributes, traceOf } from './tracing.ts';

export type LyceumFunction = Endpoint | Worker | Timer | ChangeFeed;

/** The names of the app settings that hold the connections, as triggers refer to them. */
export const connections = { cosmos: 'CosmosConnection', serviceBus: 'ServiceBusConnection' } as const;

/** The function that takes what no other does. */
const unmatched = 'answer-unmatched';

const redeliveryPauseMaxMs = 60_000;

/** A path of the list as a pattern, for the two questions that only unmatched requests ask: known path? which methods? */
function pathPattern(route: string): RegExp {
  const source = route
    .split('/')
    .map((segment) => (/^\{.*\}$/.test(segment) ? '[^/]+' : segment.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')))
    .join('/');
  return new RegExp(`^/?${source}/?$`, 'i');
}

/** Answers what no route took: preflights, wrong methods, unknown paths, and the root, which Functions cannot route. */
export async function handleUnmatched(
  endpoints: readonly Endpoint[],
  request: HttpRequest,
  runtime: Runtime,
  arrival: Pick<Arrival, 'traceContext'> = {},
): Promise<HttpResponseInit> {
  const path = new URL(request.url).pathname;
  const matching = endpoints.filter((e) =>
    e.routes.some((route) => pathPattern(route === '/' ? '' : route).test(path)),
  );
  const methods = [...new Set(matching.map((e) => e.method))];
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  const root = matching.find((e) => e.method === method);
  if (root) return handleRequest(root, request, runtime, arrival);

  return withMeter(
    async () => {
      const startedMs = performance.now();
      const requestId = takeRequestId(request, runtime);
      const cors = corsHeaders(request.headers.get('origin'), runtime.corsOrigins);
      const refusal = refusalOf(request.method, methods);
      // A preflight comes from the browser, which can do nothing with a refusal; it costs next to nothing.
      const decision = refusal && (await takeUnmatched(request, requestId, runtime));
      const error = decision?.allowed === false ? rateLimited(decision) : refusal;
      const answer = error
        ? problemAnswer(error, requestId)
        : preflightAnswer(methods, request.headers.get('access-control-request-headers'), cors);
      const about = { operation: unmatched, request_id: requestId, user_id: undefined, status: answer.status };
      logRequest(runtime, { ...about, ms: performance.now() - startedMs }, error);
      return toHttp(answer, { requestId, cors, rate: rateHeaders(decision, runtime.clock.now()) });
    },
    traceRequest(request, runtime, unmatched, arrival),
  );
}

/** Counts the request at its address: nobody looks for credentials where there is nothing. */
function takeUnmatched(request: HttpRequest, requestId: string, runtime: Runtime): Promise<RateDecision> {
  const { address } = callerOf(request, requestId, runtime);
  return takeRate(runtime, runtime.ratePlan.bucketsFor('public', undefined, networkOf(address)));
}

/** What a request is told that no endpoint takes, by the methods of its path; undefined for the question which they are. */
function refusalOf(method: string, methods: readonly string[]): AppError | undefined {
  if (methods.length === 0) return new AppError('not_found', 'There is nothing at this address.');
  if (method === 'OPTIONS') return undefined;
  const allow = methods.join(', ');
  return new AppError('method_not_allowed', `Use ${allow} here.`, { headers: { allow } });
}

/** A job with what is said about it: `fields` on its log line, the rest on its span. */
interface Job {
  operation: string;
  fields: Record<string, unknown>;
  span?: string;
  attributes: Attributes;
  parent: SpanContext | undefined;
  run: () => Promise<void>;
}

/** Runs a job under a meter and a span of its own and leaves one line about it. */
async function runJob(runtime: Runtime, job: Job): Promise<void> {
  const { operation, fields } = job;
  const attributes = { ...job.attributes, 'lyceum.operation': operation };
  const trace = beginTrace(runtime.startSpan, job.parent, job.span ?? operation, attributes);
  await withMeter(async () => {
    const startedMs = performance.now();
    const line = () => ({
      operation,
      ...fields,
      ms: Math.round(performance.now() - startedMs),
      ...currentMeter(),
    });
    try {
      await job.run();
      runtime.logger.info('job', { ...line(), ok: true });
      endTrace(trace, {});
    } catch (error) {
      runtime.logger.error('job', { ...line(), ok: false, error });
      endTrace(trace, {}, errorTypeOf(error));
      throw error;
    }
  }, trace);
}

function mountEndpoint(app: typeof functionsApp, endpoint: Endpoint, runtime: () => Runtime): void {
  endpoint.routes
    .filter((route) => route !== '/')
    .forEach((route, index) => {
      app.http(index === 0 ? endpoint.name : `${endpoint.name}-${index + 1}`, {
        methods: endpoint.method === 'GET' ? ['GET', 'HEAD'] : [endpoint.method],
        route,
        authLevel: 'anonymous',
        handler: (request, { traceContext }) => handleRequest(endpoint, request, runtime(), { route, traceContext }),
      });
    });
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && name in value ? Reflect.get(value, name) : undefined;
}

function mountWorker(app: typeof functionsApp, worker: Worker, runtime: () => Runtime): void {
  const { name, queue } = worker;
  async function work(message: unknown, messageId: string, deliveryCount: number): Promise<void> {
    // A message that does not fit the schema is thrown back until the queue moves it to its dead letters.
    const parsed = worker.schema.parse(message);
    try {
      await worker.handler(parsed, { services: runtime().services, messageId });
    } catch (error) {
      // A throw is an immediate redelivery; without a pause an outage would use up all deliveries within a second.
      await setTimeout(Math.min(runtime().redeliveryBaseMs * 2 ** deliveryCount, redeliveryPauseMaxMs));
      throw error;
    }
  }
  app.serviceBusQueue(name, {
    connection: connections.serviceBus,
    queueName: queue,
    handler: async (message: unknown, { triggerMetadata, invocationId, traceContext }: InvocationContext) => {
      const deliveryCount = Number(triggerMetadata?.['deliveryCount'] ?? 1);
      const messageId = String(triggerMetadata?.['messageId'] ?? invocationId);
      const jobId = field(message, 'job_id');
      await runJob(runtime(), {
        operation: name,
        fields: { delivery_count: deliveryCount },
        span: `process ${queue}`,
        attributes: {
          ...messagingAttributes('process', queue, messageId),
          'messaging.servicebus.message.delivery_count': deliveryCount,
          ...(typeof jobId === 'string' ? { 'lyceum.job_id': jobId } : {}),
        },
        parent: traceOf(traceContext, field(triggerMetadata?.['applicationProperties'], 'traceparent')),
        run: () => work(message, messageId, deliveryCount),
      });
    },
  });
}

function mountChangeFeed(app: typeof functionsApp, feed: ChangeFeed, runtime: () => Runtime): void {
  app.cosmosDB(feed.name, {
    connection: connections.cosmos,
    databaseName: '%COSMOS_DATABASE%',
    containerName: feed.container,
    leaseContainerName: 'leases',
    leaseContainerPrefix: feed.name,
    createLeaseContainerIfNotExists: false,
    startFromBeginning: true,
    maxItemsPerInvocation: 100,
    feedPollDelay: 1000,
    // Without a policy the host skips a batch whose handler throws; what a feed carries must not be lost.
    retry: { strategy: 'exponentialBackoff', maxRetryCount: -1, minimumInterval: 1_000, maximumInterval: 60_000 },
    handler: (documents: unknown[], { traceContext }: InvocationContext) =>
      runJob(runtime(), {
        operation: feed.name,
        fields: { documents: documents.length },
        attributes: {
          'faas.trigger': 'datasource',
          'db.collection.name': feed.container,
          'lyceum.documents': documents.length,
        },
        parent: traceOf(traceContext, undefined),
        run: () => feed.handler(documents, { services: runtime().services }),
      }),
  });
}

/** Registers every function of the list with the Functions library. `runtime` is built at the first invocation. */
export function mount(app: typeof functionsApp, functions: readonly LyceumFunction[], runtime: () => Runtime): void {
  app.setup({ enableHttpStream: true });
  for (const item of functions) {
    if (item.kind === 'endpoint') mountEndpoint(app, item, runtime);
    else if (item.kind === 'worker') mountWorker(app, item, runtime);
    else if (item.kind === 'change-feed') mountChangeFeed(app, item, runtime);
    else {
      app.timer(item.name, {
        schedule: item.schedule,
        handler: (_timer, { traceContext }) =>
          runJob(runtime(), {
            operation: item.name,
            fields: {},
            attributes: { 'faas.trigger': 'timer' },
            parent: traceOf(traceContext, undefined),
            run: () => item.handler({ services: runtime().services }),
          }),
      });
    }
  }
  const endpoints = functions.filter((item) => item.kind === 'endpoint');
  if (endpoints.length === 0) return;
  app.http(unmatched, {
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
    route: '{*path}',
    authLevel: 'anonymous',
    handler: (request, { traceContext }) => handleUnmatched(endpoints, request, runtime(), { traceContext }),
  });
}
