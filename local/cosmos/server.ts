import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Clock } from '../../shared/platform/clock.ts';
import { systemClock } from '../../shared/platform/clock.ts';
import { METADATA_CHARGE } from './charge.ts';
import type { ContainersFile } from './definition.ts';
import type { Answer } from './documents.ts';
import { Documents, header } from './documents.ts';
import { CosmosError } from './errors.ts';
import { accountBody, containerBody, databaseBody, keyRangesBody } from './resources.ts';
import { EMULATOR_KEY, verifySignature } from './signature.ts';
import type { Container } from './store.ts';
import { Store } from './store.ts';

const BODY_MAX_BYTES = 16 * 1024 * 1024;
const PURGE_INTERVAL_MS = 30_000;
const KEEP_ALIVE_MS = 120_000;

export interface CosmosOptions {
  /** 0 takes any free port. */
  port: number;
  /** A directory, made when absent, or `:memory:`. */
  dataDir: string | ':memory:';
  definition: ContainersFile;
  clock?: Clock;
}

export interface CosmosHandle {
  endpoint: string;
  key: string;
  port: number;
  /** The next `requests` item requests, queries and batches answer 429 with this delay for the SDK to wait. */
  throttleNext(requests: number, retryAfterMs: number): void;
  close(): Promise<void>;
}

/** Starts the stand-in for Cosmos DB on 127.0.0.1; `new CosmosClient({ endpoint, key })` then works against it. */
export async function startCosmos(options: CosmosOptions): Promise<CosmosHandle> {
  const store = new Store(options.dataDir, options.definition, options.clock ?? systemClock);
  const service = new Service(store);
  const server = createServer((request, response) => service.serve(request, response));
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, '127.0.0.1', resolve);
  });
  const purge = setInterval(() => store.purgeExpired(), PURGE_INTERVAL_MS);
  purge.unref();
  // listen() on a TCP port always gives an address object.
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    key: EMULATOR_KEY,
    port,
    throttleNext: (requests, retryAfterMs) => service.throttle(requests, retryAfterMs),
    close: () =>
      new Promise((resolve) => {
        clearInterval(purge);
        server.close(() => {
          store.close();
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

class Service {
  private readonly store: Store;
  private readonly documents: Documents;
  private readonly key = Buffer.from(EMULATOR_KEY, 'base64');
  private throttled = 0;
  private retryAfterMs = 0;
  private requests = 0;

  constructor(store: Store) {
    this.store = store;
    this.documents = new Documents(store);
  }

  throttle(requests: number, retryAfterMs: number): void {
    this.throttled = requests;
    this.retryAfterMs = retryAfterMs;
  }

  serve(request: IncomingMessage, response: ServerResponse): void {
    if (request.method === 'GET') {
      this.answer(request, '', response);
      return;
    }
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= BODY_MAX_BYTES) chunks.push(chunk);
    });
    request.on('end', () =>
      this.answer(request, size > BODY_MAX_BYTES ? undefined : Buffer.concat(chunks).toString('utf8'), response),
    );
  }

  private answer(request: IncomingMessage, body: string | undefined, response: ServerResponse): void {
    let container: Container | undefined;
    let answer: Answer;
    try {
      if (body === undefined) throw new CosmosError(413, 'Request size is too large.');
      const segments = decoded(request.url ?? '/');
      container =
        segments[0] === 'dbs' && segments[1] === this.store.database
          ? this.store.containers.get(segments[3] ?? '')
          : undefined;
      answer = this.route(request, segments, container, body);
    } catch (error) {
      answer = refusal(error);
    }
    this.requests += 1;
    const text = answer.body ?? '';
    const headers: Record<string, string | number> = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
      'x-ms-request-charge': String(answer.charge),
      'x-ms-activity-id': `00000000-0000-4000-8000-${this.requests.toString(16).padStart(12, '0')}`,
      'x-ms-version': '2020-07-15',
      ...answer.headers,
    };
    if (container !== undefined) {
      headers['x-ms-session-token'] = `0:-1#${this.store.lastLsn}`;
      headers['x-ms-content-path'] = container.resourceId;
      headers['x-ms-alt-content-path'] =
        `dbs/${encodeURIComponent(this.store.database)}/colls/${encodeURIComponent(container.definition.id)}`;
    }
    response.writeHead(answer.status, headers);
    response.end(text);
  }

  private route(request: IncomingMessage, segments: string[], container: Container | undefined, body: string): Answer {
    const method = request.method ?? 'GET';
    this.verify(request, method, segments);
    const [dbs, database, colls, containerId, feed, id, ...rest] = segments;
    if (segments.length === 0) return metadata(accountBody(`http://${request.headers.host ?? ''}/`));
    if (dbs !== 'dbs' || rest.length > 0 || (colls !== undefined && colls !== 'colls')) throw unsupported(segments);
    const isMetadata = feed === undefined || feed === 'pkranges';
    if (isMetadata && method !== 'GET') {
      throw new CosmosError(
        403,
        'Databases and containers come from the definition file; none is created, changed or deleted at run time.',
      );
    }
    if (database === undefined) return metadata({ _rid: '', Databases: [databaseBody(this.store)], _count: 1 });
    if (database !== this.store.database) throw notFound('database', database);
    if (colls === undefined) return metadata(databaseBody(this.store));
    if (containerId === undefined) {
      const list = [...this.store.containers.values()].map((each) => containerBody(this.store, each));
      return metadata({ _rid: this.store.databaseRid, DocumentCollections: list, _count: list.length });
    }
    if (container === undefined) throw notFound('container', containerId);
    if (feed === undefined) return metadata(containerBody(this.store, container));
    if (feed === 'pkranges') return metadata(keyRangesBody(container));
    if (feed !== 'docs') throw unsupported(segments);
    this.maybeThrottle(request);
    return this.documents.handle(container, { method, id, headers: request.headers, body });
  }

  private maybeThrottle(request: IncomingMessage): void {
    if (this.throttled === 0 || request.headers['x-ms-cosmos-is-query-plan-request'] !== undefined) return;
    this.throttled -= 1;
    throw new CosmosError(429, 'Request rate is large. More Request Units may be needed, so no changes were made.', {
      substatus: 3200,
      extra: { retryAfterMs: this.retryAfterMs },
    });
  }

  /** Feeds are signed with the link of their parent, single resources with their own. */
  private verify(request: IncomingMessage, method: string, segments: string[]): void {
    const isFeed = segments.length % 2 === 1;
    verifySignature(this.key, {
      method,
      resourceType: (isFeed ? segments.at(-1) : segments.at(-2)) ?? '',
      resourceLink: (isFeed ? segments.slice(0, -1) : segments).join('/'),
      date: header(request.headers, 'x-ms-date'),
      authorization: request.headers.authorization,
    });
  }
}

function decoded(url: string): string[] {
  try {
    return (url.split('?', 1)[0] ?? '')
      .split('/')
      .filter((segment) => segment !== '')
      .map(decodeURIComponent);
  } catch {
    throw new CosmosError(400, 'The path of the request is not valid.');
  }
}

function metadata(body: unknown): Answer {
  return { status: 200, charge: METADATA_CHARGE, body: JSON.stringify(body) };
}

function notFound(kind: string, id: string): CosmosError {
  return new CosmosError(404, `The ${kind} ${id} does not exist: it is not in the definition file.`, {
    substatus: kind === 'container' ? 1003 : 0,
  });
}

function unsupported(segments: readonly string[]): CosmosError {
  return new CosmosError(400, `This stand-in does not support /${segments.join('/')}.`);
}

function refusal(error: unknown): Answer {
  if (!(error instanceof CosmosError)) {
    process.stderr.write(`cosmos stand-in: ${error instanceof Error ? error.stack : String(error)}\n`);
    return {
      status: 500,
      charge: 0,
      body: JSON.stringify({
        code: 'InternalServerError',
        message: 'The stand-in failed; its standard error says why.',
      }),
    };
  }
  const headers: Record<string, string> = { 'x-ms-substatus': String(error.substatus) };
  if (typeof error.extra['retryAfterMs'] === 'number')
    headers['x-ms-retry-after-ms'] = String(error.extra['retryAfterMs']);
  const { additionalErrorInfo } = error.extra as { additionalErrorInfo?: string };
  const body = JSON.stringify({
    code: error.code,
    message: error.message,
    ...(additionalErrorInfo === undefined ? {} : { additionalErrorInfo }),
  });
  return { status: error.status, charge: error.charge, body, headers };
}
