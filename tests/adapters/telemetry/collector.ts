import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { z } from 'zod';

const Value = z.looseObject({
  stringValue: z.string().optional(),
  intValue: z.union([z.number(), z.string()]).optional(),
  doubleValue: z.number().optional(),
  boolValue: z.boolean().optional(),
});
const Attribute = z.object({ key: z.string(), value: Value });
const Span = z.object({
  traceId: z.string(),
  spanId: z.string(),
  parentSpanId: z.string().optional(),
  name: z.string(),
  kind: z.number(),
  attributes: z.array(Attribute).default([]),
  status: z.object({ code: z.number().optional(), message: z.string().optional() }).optional(),
});
const Traces = z.object({
  resourceSpans: z.array(
    z.object({
      resource: z.object({ attributes: z.array(Attribute) }),
      scopeSpans: z.array(z.object({ spans: z.array(Span) })),
    }),
  ),
});

export interface CollectedSpan {
  traceId: string;
  spanId: string;
  parentSpanId: string | undefined;
  name: string;
  /** As OTLP numbers them: 1 internal, 3 client, 4 producer. */
  kind: number;
  service: unknown;
  attributes: Record<string, unknown>;
  isError: boolean;
}

/** How it treats what comes: a status, or no answer at all. */
export type Behaviour = number | 'hang';

const plain = (value: z.output<typeof Value>) =>
  value.stringValue ??
  value.doubleValue ??
  value.boolValue ??
  (value.intValue === undefined ? undefined : Number(value.intValue));
const record = (attributes: z.output<typeof Attribute>[]) =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, plain(value)]));

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const bytes = Buffer.concat(chunks);
  return (request.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes).toString('utf8');
}

/** A little server that takes whatever is posted to it, as an OTLP collector or the ingestion of Application Insights would. */
export async function startCollector(answerFor: (path: string, text: string) => string = () => '{}') {
  const received: { path: string; text: string; headers: IncomingMessage['headers'] }[] = [];
  let behaviour: Behaviour = 200;
  const server = createServer(async (request, response) => {
    const text = await textOf(request);
    const path = request.url ?? '';
    received.push({ path, text, headers: request.headers });
    if (behaviour === 'hang') return;
    response.writeHead(behaviour, { 'content-type': 'application/json' }).end(answerFor(path, text));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // An address with a port, because it listens on one.
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    received,
    behave(next: Behaviour) {
      behaviour = next;
    },
    spans(): CollectedSpan[] {
      return received
        .filter(({ path }) => path === '/v1/traces')
        .flatMap(({ text }) => Traces.parse(JSON.parse(text)).resourceSpans)
        .flatMap(({ resource, scopeSpans }) =>
          scopeSpans
            .flatMap(({ spans }) => spans)
            .map((span) => ({
              ...span,
              parentSpanId: span.parentSpanId,
              service: record(resource.attributes)['service.name'],
              attributes: record(span.attributes),
              isError: span.status?.code === 2,
            })),
        );
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

export type Collector = Awaited<ReturnType<typeof startCollector>>;
