import { randomUUID } from 'node:crypto';
import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type Server,
  type ServerResponse,
} from 'node:http';
import { Server as NetServer } from 'node:net';
import { type AdminOptions, answerAdmin } from './admin.ts';
import { type ForwardedRequest, limitBody, ProxyAnswer } from './http-streaming.ts';
import { type Call, type Invoker, pause } from './invoker.ts';
import type { RouteMatch, RouteTable } from './route-table.ts';
import type { LogLevel } from './worker-module.ts';

/** Answers what belongs to this machine alone and to no function; returns whether it did. */
export type LocalPages = (req: IncomingMessage, res: ServerResponse, path: string) => boolean;

export interface HttpFrontOptions {
  readonly routes: RouteTable;
  readonly invoker: Invoker;
  /** The library's server, which answers what is handed to it. */
  readonly proxy: Server;
  readonly admin: AdminOptions;
  readonly maxRequestBodyBytes: number;
  readonly answerLimitMs: number;
  readonly isHomepageDisabled: boolean;
  readonly localPages?: LocalPages | undefined;
  readonly log: (level: LogLevel, message: string) => void;
}

/** How long the rest of a request is read and dropped after it was answered, as the real host does. */
const drainMs = 5_000;
const hostPattern = /^(?:[\w.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i;

/** The front end and the HTTP part of the host: routing, limits, and the way to the library and back. */
export class HttpFront {
  readonly server: Server;
  readonly #options: HttpFrontOptions;
  #isClosing = false;
  #answering = 0;

  constructor(options: HttpFrontOptions) {
    this.#options = options;
    this.server = createServer({ keepAliveTimeout: 120_000 }, (req, res) => this.#handle(req, res));
  }

  /** No new connections, and no new requests on the open ones. */
  stop(): void {
    this.#isClosing = true;
    // The HTTP server's own close() breaks connections whose last answer has ended but is not sent yet.
    NetServer.prototype.close.call(this.server);
  }

  /** Closes every connection, once the answers under way are sent or `ms` went by. */
  async close(ms: number): Promise<void> {
    const deadline = Date.now() + ms;
    while (this.#answering > 0 && Date.now() < deadline) await pause(10);
    this.server.closeAllConnections();
  }

  #handle(req: IncomingMessage, res: ServerResponse): void {
    // Writing to a caller who went away is no error of the host.
    res.on('error', () => {});
    const url = originForm(req.url ?? '/');
    const { host = 'localhost' } = req.headers;
    if (this.#isClosing) answer(res, 503, { connection: 'close', 'retry-after': '1' });
    else if (url === undefined || !hostPattern.test(host)) answer(res, 400, { connection: 'close' });
    else this.#route(req, res, url, host);
  }

  #route(req: IncomingMessage, res: ServerResponse, url: string, host: string): void {
    const { routes, isHomepageDisabled, admin, maxRequestBodyBytes } = this.#options;
    req.url = url;
    const end = url.indexOf('?');
    const path = end === -1 ? url : url.slice(0, end);
    const isHome = path === '/';
    const match = routes.find(req.method ?? 'GET', path);
    if (this.#options.localPages?.(req, res, path)) return;
    if (/^\/(?:admin|runtime)(?:\/|$)/i.test(path)) answerAdmin(req, res, path, admin);
    else if (isHome && !isHomepageDisabled) answer(res, 200, { 'content-type': 'text/plain' }, homepage);
    else if (!match) answer(res, isHome ? 204 : 404);
    else if (Number(req.headers['content-length'] ?? 0) > maxRequestBodyBytes) refuseBody(req, res);
    else this.#run(req, res, match, host);
  }

  #run(req: IncomingMessage, res: ServerResponse, match: RouteMatch, host: string): void {
    const { answerLimitMs } = this.#options;
    const limit = setTimeout(() => {
      this.#options.log('error', `No complete answer within ${answerLimitMs} ms; the caller was cut off.`);
      fail(res, 504);
    }, answerLimitMs);
    this.#answering++;
    res.once('close', () => {
      this.#answering--;
      clearTimeout(limit);
      if (!req.complete) drop(req);
    });
    this.#invoke(req, res, match, host).catch((error: unknown) => {
      this.#options.log('error', error instanceof Error ? (error.stack ?? error.message) : String(error));
      fail(res, 500);
    });
  }

  async #invoke(req: IncomingMessage, res: ServerResponse, match: RouteMatch, host: string): Promise<void> {
    const { proxy, invoker, log, maxRequestBodyBytes } = this.#options;
    const headers = forwardedHeaders(req, host);
    const call = callOf(match, req, {
      Headers: { json: JSON.stringify(headers) },
      ...Object.fromEntries(Object.entries(match.params).map(([name, value]) => [name, { string: value }])),
    });
    const forwarded: ForwardedRequest =
      req.headers['transfer-encoding'] === undefined ? req : limitBody(req, maxRequestBodyBytes, () => fail(res, 413));
    forwarded.headers = { ...headers, 'x-ms-invocation-id': call.invocationId };
    proxy.emit('request', forwarded, new ProxyAnswer(res));
    const outcome = await invoker.invoke(call);
    if (res.writableEnded) return;
    // The real library leaves such a caller without an answer; waiting for the cut helps nobody.
    if (outcome.ok) log('error', `Function "${match.fn.metadata.name}" returned no HTTP response.`);
    // Through the library while it still knows the caller, so that it forgets the caller.
    else if (!res.headersSent) await outcome.respond({ status: 500 }).catch(() => {});
    fail(res, 500);
  }
}

function callOf(match: RouteMatch, req: IncomingMessage, triggerMetadata: Call['triggerMetadata']): Call {
  const [triggerName = ''] =
    Object.entries(match.fn.metadata.bindings).find(([, one]) => one.type === 'httpTrigger') ?? [];
  return {
    invocationId: randomUUID(),
    fn: match.fn,
    triggerName,
    data: {},
    triggerMetadata,
    traceParent: single(req.headers['traceparent']),
    traceState: single(req.headers['tracestate']),
  };
}

const single = (value: string | string[] | undefined) => (Array.isArray(value) ? value.join(', ') : value);

/** The request's headers as the front end passes them on: the caller's address last in `x-forwarded-for`. */
function forwardedHeaders(req: IncomingMessage, host: string): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(req.headers)) headers[name] = single(value) ?? '';
  const address = req.socket.remoteAddress ?? '';
  const before = headers['x-forwarded-for'];
  const from = `${address.includes(':') ? `[${address}]` : address}:${req.socket.remotePort ?? 0}`;
  headers['x-forwarded-for'] = before ? `${before}, ${from}` : from;
  headers['x-forwarded-host'] = host;
  headers['x-forwarded-proto'] = 'http';
  return headers;
}

/** A path with its query; undefined for targets that no function can answer, such as `*`. */
function originForm(target: string): string | undefined {
  if (target.startsWith('/')) return target;
  const absolute = /^https?:\/\/[^/?#]*([/?].*)?$/i.exec(target);
  if (!absolute) return undefined;
  const rest = absolute[1] ?? '/';
  return rest.startsWith('/') ? rest : `/${rest}`;
}

function answer(
  res: ServerResponse,
  status: number,
  headers: OutgoingHttpHeaders = {},
  body?: string | Uint8Array,
): void {
  res.writeHead(status, body === undefined && status !== 204 ? { ...headers, 'content-length': 0 } : headers);
  res.end(body);
}

/** An empty answer, or an end that the caller can tell from a complete answer when one was already under way. */
function fail(res: ServerResponse, status: number): void {
  if (res.writableEnded || res.destroyed) return;
  if (res.headersSent) res.destroy();
  else {
    for (const name of res.getHeaderNames()) res.removeHeader(name);
    answer(res, status);
  }
}

function refuseBody(req: IncomingMessage, res: ServerResponse): void {
  answer(res, 413);
  drop(req);
}

/** Reads away what is left of a body, for a while, so that the caller sees the answer and can go on using the connection. */
function drop(req: IncomingMessage): void {
  req.removeAllListeners('readable').removeAllListeners('data').unpipe();
  req.resume();
  // A request may end without a 'close' that is seen here; its connection then serves others and must stay.
  const timer = setTimeout(() => req.complete || req.socket.destroy(), drainMs).unref();
  req.once('close', () => clearTimeout(timer));
}

const homepage =
  'This Functions host is running. Set AzureWebJobsDisableHomepage=true for a function of your own here.\n';
