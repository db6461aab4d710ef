import type http from 'node:http';
import type { IncomingMessage, OutgoingHttpHeaders, Server, ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { Transform } from 'node:stream';
import type { ProgrammingModel } from './worker-module.ts';

/** Any port: nothing ever listens on it, but the library insists on having been given one. */
const pretendedPort = 1;

/**
 * With streaming on, the library makes a little HTTP server in the worker, to which the real host forwards requests
 * over a second connection. Here it is caught while it is made, never listens, and is handed the host's own requests
 * and responses: all of the library's code runs, without the second hop.
 *
 * @throws Error when the product did not turn streaming on; the other way of answering is not supported here.
 */
export async function catchProxyServer(model: ProgrammingModel): Promise<Server> {
  // The module object that the library's `require('http')` sees; the namespace of an import is a copy.
  const builtin: typeof http = createRequire(import.meta.url)('node:http');
  const original = builtin.createServer;
  let caught: Server | undefined;
  builtin.createServer = () => {
    const server = original();
    caught = server;
    server.listen = (...args: unknown[]) => {
      const listening = args.find((arg) => typeof arg === 'function');
      queueMicrotask(() => listening?.());
      return server;
    };
    server.address = () => ({ port: pretendedPort, address: '127.0.0.1', family: 'IPv4' });
    return server;
  };
  try {
    const { HttpUri } = await model.getCapabilities({});
    if (HttpUri === undefined || !caught) throw new Error('Call app.setup({ enableHttpStream: true }) at start.');
    return caught;
  } finally {
    builtin.createServer = original;
  }
}

/** What the library reads of a request whose body comes through another stream. */
export type ForwardedRequest = IncomingMessage | (Transform & Pick<IncomingMessage, 'method' | 'url' | 'headers'>);

/** A body of unannounced length, cut off with an error (after `onTooLarge`) when it grows over the limit. */
export function limitBody(req: IncomingMessage, maxBytes: number, onTooLarge: () => void): ForwardedRequest {
  let bytes = 0;
  const limited = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (bytes <= maxBytes) return done(null, chunk);
      onTooLarge();
      done(new Error(`The request body is larger than ${maxBytes} bytes.`));
    },
  });
  // A caller who goes away, and a body that nobody reads, are no errors of the host.
  limited.on('error', () => {});
  req.on('aborted', () => limited.destroy(new Error('The caller went away.')));
  return Object.assign(req.pipe(limited), { method: req.method, url: req.url, headers: req.headers });
}

/** Up to this size an answer goes out as one piece of text with its head, which costs one copy less. */
const smallBytes = 16_384;

/**
 * What the library writes its answer to. An answer that is complete in the turn in which it began goes out at once and
 * with its length; anything else flows on chunk by chunk.
 */
export class ProxyAnswer {
  statusCode = 200;
  readonly #res: ServerResponse;
  readonly #headers: OutgoingHttpHeaders = {};
  #held: Uint8Array[] | undefined = [];

  constructor(res: ServerResponse) {
    this.#res = res;
  }

  setHeader(name: string, value: string | string[]): void {
    this.#headers[name] = value;
  }

  write(chunk: string | Uint8Array): boolean {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    if (!this.#held) return this.#res.write(bytes);
    if (this.#held.push(bytes) === 1) setImmediate(() => this.#flow());
    return true;
  }

  end(): void {
    const held = this.#held;
    this.#held = undefined;
    if (!held) {
      this.#res.end();
      return;
    }
    if (this.#res.headersSent) return;
    const body = held.length === 1 && held[0] ? asBuffer(held[0]) : Buffer.concat(held);
    const hasLength = this.statusCode !== 204 && this.statusCode !== 304;
    if (hasLength) this.#headers['content-length'] = body.length;
    this.#res.writeHead(this.statusCode, this.#headers);
    if (body.length <= smallBytes) this.#res.end(body.toString('latin1'), 'latin1');
    else this.#res.end(body);
  }

  #flow(): void {
    const held = this.#held;
    if (!held || this.#res.headersSent) return;
    this.#held = undefined;
    this.#res.writeHead(this.statusCode, this.#headers);
    for (const chunk of held) this.#res.write(chunk);
  }
}

const asBuffer = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
