import { AzureMonitorTraceExporter } from '@azure/monitor-opentelemetry-exporter';
import type { SpanExporter } from '@opentelemetry/sdk-trace';
import { switchForLibraries } from '../../platform/config.ts';
import { managedIdentity } from '../azure-identity/credential.ts';
import type { Authentication } from './types.ts';

type Policies = NonNullable<
  NonNullable<ConstructorParameters<typeof AzureMonitorTraceExporter>[0]>['additionalPolicies']
>;

const failed = 1;

/** Spans to Application Insights: every span of ours becomes a dependency, because the host's own spans are the requests. */
export async function createApplicationInsightsExporter(options: {
  connectionString: string;
  authentication: Authentication;
  timeoutMs: number;
}): Promise<SpanExporter> {
  // It would report on itself to addresses of its own; there is no other way to tell it. (The bundle does not even hold that code.)
  switchForLibraries('APPLICATION_INSIGHTS_NO_STATSBEAT');
  // And it would add a metric without a value to every batch, which repeats the name of the service.
  switchForLibraries('APPLICATIONINSIGHTS_OPENTELEMETRY_RESOURCE_METRIC_DISABLED');
  const { connectionString, authentication, timeoutMs } = options;
  // A stub on this machine has no certificate; of any other address the exporter makes https.
  const stub = /IngestionEndpoint=(http:\/\/127\.0\.0\.1:\d+)/i.exec(connectionString)?.[1];
  let failure: Error | undefined;
  const policy: Policies[number]['policy'] = {
    name: 'limit-and-note',
    async sendRequest(request, next) {
      // Without a limit a request to an address that never answers would stay for ever, and each batch would add one.
      request.timeout = timeoutMs;
      try {
        const response = await next(request);
        failure = response.status < 400 ? undefined : new Error(`It answered ${response.status}.`);
        return response;
      } catch (error) {
        failure = error instanceof Error ? error : new Error(String(error));
        throw error;
      }
    },
  };
  const exporter = new AzureMonitorTraceExporter({
    connectionString,
    ...(authentication === 'none' ? {} : { credential: await managedIdentity(authentication.clientId) }),
    // What cannot be sent is given up: the disk of an instance is nobody's to look after.
    disableOfflineStorage: true,
    retryOptions: { maxRetries: 1, maxRetryDelayInMs: 1_000 },
    ...(stub === undefined ? {} : { host: stub, allowInsecureConnection: true }),
    additionalPolicies: [{ policy, position: 'perRetry' }],
  });
  return {
    export(spans, done) {
      failure = undefined;
      // It calls what it gave up a success when there is no disk to put it on.
      void exporter.export(spans, (result) => done(failure === undefined ? result : { code: failed, error: failure }));
    },
    shutdown: () => exporter.shutdown(),
  };
}
