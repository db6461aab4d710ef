import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Binding, FunctionMetadata } from './worker-module.ts';

export interface AdminOptions {
  readonly functions: readonly FunctionMetadata[];
  /** Starts a run of a timer function; false when there is none of that name. */
  readonly runTimer: (name: string) => boolean;
  readonly routePrefix: string;
  readonly upSinceMs: number;
  readonly now: () => number;
}

/** The part of the host's own interface that tools use; everything else under /admin and /runtime is unknown. */
export function answerAdmin(req: IncomingMessage, res: ServerResponse, path: string, options: AdminOptions): void {
  const [, admin, area, name, ...more] = path.replace(/\/$/, '').toLowerCase().split('/');
  const isGet = req.method === 'GET';
  const fn = options.functions.find((one) => one.name.toLowerCase() === name);
  if (admin !== 'admin' || more.length > 0) sendJson(res, 404, { error: 'Not found.' });
  else if (isGet && area === 'host' && name === 'status') sendJson(res, 200, status(options));
  else if (isGet && area === 'functions' && name === undefined) {
    const list = options.functions.map((one) => description(one, options));
    sendJson(res, 200, list);
  } else if (area !== 'functions' || !fn) sendJson(res, 404, { error: 'Not found.' });
  else if (isGet) sendJson(res, 200, description(fn, options));
  else if (req.method === 'POST' && options.runTimer(fn.name)) res.writeHead(202, { 'content-length': 0 }).end();
  else sendJson(res, 400, { error: 'Only timer functions can be run from here, with POST.' });
}

function status(options: AdminOptions): object {
  return { id: 'lyceum-local', state: 'Running', version: '4', processUptime: options.now() - options.upSinceMs };
}

function description(fn: FunctionMetadata, { routePrefix }: AdminOptions): object {
  const bindings = Object.entries(fn.bindings).map(([name, binding]): Binding => ({ ...binding, name }));
  const http = bindings.find((one) => one.type === 'httpTrigger');
  const route = typeof http?.['route'] === 'string' && http['route'] ? http['route'] : fn.name;
  return {
    name: fn.name,
    language: 'node',
    is_disabled: false,
    invoke_url_template: http && `/${routePrefix}/${route}`.replace(/\/{2,}/g, '/'),
    config: { name: fn.name, bindings },
  };
}

function sendJson(res: ServerResponse, code: number, value: unknown): void {
  const body = JSON.stringify(value);
  res.writeHead(code, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }).end(body);
}
