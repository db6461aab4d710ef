import { setTimeout } from 'node:timers/promises';
import type { app as functionsApp, HttpRequest, HttpResponseInit, InvocationContext } from '@azure/functions';
import { rateLimited, takeRate } from './admission.ts';
import { callerOf, takeRequestId } from './caller.ts';
import { networkOf } from './client-address-rules.ts';
import type { Endpoint } from './define-endpoint.ts';
import type { ChangeFeed, Timer, Worker } from './define-job.ts';
import { AppError } from './errors.ts';
import { currentMeter, withMeter } from './meter.ts';
import { handleRequest, logRequest } from './pipeline.ts';
import type { RateDecision } from './rate-limit.ts';
import { corsHeaders, preflightAnswer, problemAnswer, rateHeaders, toHttp } from './responses.ts';
import type { Runtime } from './runtime.ts';

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
): Promise<HttpResponseInit> {
  const path = new URL(request.url).pathname;
  const matching = endpoints.filter((e) =>
    e.routes.some((route) => pathPattern(route === '/' ? '' : route).test(path)),
  );
  const methods = [...new Set(matching.map((e) => e.method))];
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  const root = matching.find((e) => e.method === method);
  if (root) return handleRequest(root, request, runtime);

  return withMeter(async () => {
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
  });
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

/** Runs a job under a meter of its own and leaves one line about it. */
async function runJob(
  name: string,
  runtime: Runtime,
  fields: Record<string, unknown>,
  job: () => Promise<void>,
): Promise<void> {
  await withMeter(async () => {
    const startedMs = performance.now();
    const line = () => ({
      operation: name,
      ...fields,
      ms: Math.round(performance.now() - startedMs),
      ...currentMeter(),
    });
    try {
      await job();
      runtime.logger.info('job', { ...line(), ok: true });
    } catch (error) {
      runtime.logger.error('job', { ...line(), ok: false, error });
      throw error;
    }
  });
}

function mountEndpoint(app: typeof functionsApp, endpoint: Endpoint, runtime: () => Runtime): void {
  endpoint.routes
    .filter((route) => route !== '/')
    .forEach((route, index) => {
      app.http(index === 0 ? endpoint.name : `${endpoint.name}-${index + 1}`, {
        methods: endpoint.method === 'GET' ? ['GET', 'HEAD'] : [endpoint.method],
        route,
        authLevel: 'anonymous',
        handler: (request) => handleRequest(endpoint, request, runtime()),
      });
    });
}

function mountWorker(app: typeof functionsApp, worker: Worker, runtime: () => Runtime): void {
  app.serviceBusQueue(worker.name, {
    connection: connections.serviceBus,
    queueName: worker.queue,
    handler: async (message: unknown, context: InvocationContext) => {
      const deliveryCount = Number(context.triggerMetadata?.['deliveryCount'] ?? 1);
      await runJob(worker.name, runtime(), { delivery_count: deliveryCount }, async () => {
        // A message that does not fit the schema is thrown back until the queue moves it to its dead letters.
        const parsed = worker.schema.parse(message);
        const messageId = String(context.triggerMetadata?.['messageId'] ?? context.invocationId);
        try {
          await worker.handler(parsed, { services: runtime().services, messageId });
        } catch (error) {
          // A throw is an immediate redelivery; without a pause an outage would use up all deliveries within a second.
          await setTimeout(Math.min(runtime().redeliveryBaseMs * 2 ** deliveryCount, redeliveryPauseMaxMs));
          throw error;
        }
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
    handler: (documents: unknown[]) =>
      runJob(feed.name, runtime(), { documents: documents.length }, () =>
        feed.handler(documents, { services: runtime().services }),
      ),
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
        handler: () => runJob(item.name, runtime(), {}, () => item.handler({ services: runtime().services })),
      });
    }
  }
  const endpoints = functions.filter((item) => item.kind === 'endpoint');
  if (endpoints.length === 0) return;
  app.http(unmatched, {
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
    route: '{*path}',
    authLevel: 'anonymous',
    handler: (request) => handleUnmatched(endpoints, request, runtime()),
  });
}
