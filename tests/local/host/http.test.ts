import { once } from 'node:events';
import { connect } from 'node:net';
import { app, output, trigger } from '@azure/functions';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Host, startHost } from '../../../local/host/start-host.ts';

const encoder = new TextEncoder();
const lines: string[] = [];
let host: Host;
let release: () => void = () => {};

beforeAll(async () => {
  host = await startHost({
    port: 0,
    hostJson: { functionTimeout: '00:00:01', extensions: { http: { routePrefix: '', maxRequestBodySize: 1000 } } },
    settings: { AzureWebJobsDisableHomepage: 'true' },
    log: (line) => lines.push(line),
    load: async () => {
      app.setup({ enableHttpStream: true });
      app.http('Root', { route: '/', methods: ['GET'], handler: () => ({ body: 'root' }) });
      app.http('get-item', {
        route: 'api/items/{id:int}/{part?}',
        methods: ['GET', 'HEAD', 'OPTIONS'],
        handler: (request, context) => ({
          status: 201,
          headers: { 'x-method': request.method },
          cookies: [{ name: 'a', value: 'b', httpOnly: true }],
          jsonBody: {
            params: request.params,
            query: request.query.getAll('q'),
            url: request.url,
            from: request.headers.get('x-forwarded-for'),
            traceparent: context.traceContext?.traceParent,
          },
        }),
      });
      app.http('echo', {
        route: 'echo',
        methods: ['POST'],
        handler: async (request) => ({ body: await request.text() }),
      });
      app.http('ignore-body', { route: 'ignore', methods: ['POST'], handler: () => ({ body: 'ignored' }) });
      app.http('stream-body', {
        route: 'stream-body',
        methods: ['POST'],
        handler: async (request) => {
          const reader = request.body?.getReader();
          const first = await reader?.read();
          return { body: Buffer.from(first?.value ?? []).toString() };
        },
      });
      app.http('events', {
        route: 'events',
        methods: ['GET'],
        handler: () => {
          const gate = new Promise<void>((resolve) => {
            release = resolve;
          });
          const body = new ReadableStream({
            async start(controller) {
              controller.enqueue(encoder.encode('data: 1\n\n'));
              await gate;
              controller.enqueue(encoder.encode('data: 2\n\n'));
              controller.close();
            },
          });
          return { headers: { 'content-type': 'text/event-stream' }, body };
        },
      });
      app.http('broken-stream', {
        route: 'broken-stream',
        methods: ['GET'],
        handler: () => ({
          body: new ReadableStream({
            async start(controller) {
              controller.enqueue(encoder.encode('begin'));
              await new Promise((resolve) => setTimeout(resolve, 50));
              controller.error(new Error('secret in the stream'));
            },
          }),
        }),
      });
      app.http('throws', {
        route: 'throws',
        methods: ['GET'],
        handler: () => {
          throw new Error('secret detail');
        },
      });
      app.http('throws-nothing', { route: 'throws-nothing', methods: ['GET'], handler: () => Promise.reject() });
      app.http('no-status', { route: 'no-status', methods: ['GET'], handler: () => ({ status: 99 }) });
      app.generic('returns-nothing', {
        trigger: trigger.http({ route: 'returns-nothing', methods: ['GET'] }),
        return: output.http({}),
        handler: () => undefined,
      });
      app.http('never-ends', { route: 'never-ends', methods: ['GET'], handler: () => new Promise(() => {}) });
    },
  });
});

afterAll(() => host.close({ drainMs: 0 }));

const get = (path: string, init?: RequestInit) => fetch(`${host.url}${path}`, init);

/** What a server answers to these bytes, until it closes the connection or goes quiet. */
async function raw(bytes: string): Promise<string> {
  const socket = connect(host.port, '127.0.0.1');
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
  });
  socket.on('error', () => {});
  socket.write(bytes);
  const timer = setTimeout(() => socket.destroy(), 500);
  await once(socket, 'close');
  clearTimeout(timer);
  return text;
}

describe('requests and answers', () => {
  test('parameters, query, cookies, status and headers go through the library', async () => {
    const answer = await get('/API/Items/7/a%20b/?q=1&q=%26', { headers: { 'x-forwarded-for': '203.0.113.9' } });
    expect(answer.status).toBe(201);
    expect(answer.headers.get('content-type')).toBe('application/json');
    expect(answer.headers.get('set-cookie')).toBe('a=b; HttpOnly');
    expect(await answer.json()).toMatchObject({
      params: { id: '7', part: 'a b' },
      query: ['1', '&'],
      url: `${host.url}/API/Items/7/a%20b/?q=1&q=%26`,
      from: expect.stringMatching(/^203\.0\.113\.9, 127\.0\.0\.1:\d+$/),
    });
  });

  test('HEAD and OPTIONS reach the functions that declare them, and HEAD has no body', async () => {
    const head = await get('/api/items/1', { method: 'HEAD' });
    expect([head.status, head.headers.get('x-method'), await head.text()]).toEqual([201, 'HEAD', '']);
    const options = await get('/api/items/1', { method: 'OPTIONS' });
    expect([options.status, options.headers.get('x-method')]).toEqual([201, 'OPTIONS']);
  });

  test('an unknown route, an unmet constraint and another method are all 404, as on Azure', async () => {
    expect((await get('/nowhere')).status).toBe(404);
    expect((await get('/api/items/seven')).status).toBe(404);
    expect((await get('/echo')).status).toBe(404);
    expect((await get('/echo', { method: 'HEAD' })).status).toBe(404);
  });

  test('the invocation is told the span that the caller names', async () => {
    const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
    const answer = await get('/api/items/1', { headers: { traceparent: `00-${trace}-00f067aa0ba902b7-01` } });
    const body = await answer.text();
    expect(body).toContain(`"traceparent":"00-${trace}-00f067aa0ba902b7-01"`);
  });

  test('a function may have the root when the home page is off', async () => {
    expect(await (await get('/')).text()).toBe('root');
  });

  test('malformed HTTP, a malformed Host and odd targets are refused and hurt nobody', async () => {
    expect(await raw('NONSENSE\r\n\r\n')).toContain('400 Bad Request');
    expect(await raw('GET / HTTP/1.1\r\nHost: a b\r\n\r\n')).toContain('400 Bad Request');
    expect(await raw('OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n')).toContain('400 Bad Request');
    expect(await raw('GET http://x/api/items/3 HTTP/1.1\r\nHost: x\r\n\r\n')).toContain('201 Created');
    expect(await raw('GET /api/items/%zz HTTP/1.1\r\nHost: x\r\n\r\n')).toContain('404 Not Found');
    expect(await raw('CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n')).not.toContain('200');
    expect((await get('/')).status).toBe(200);
  });
});

describe('streams', () => {
  test('server-sent events arrive one by one, while the function still runs', async () => {
    const answer = await get('/events');
    const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader?.read())?.value).toBe('data: 1\n\n');
    release();
    expect((await reader?.read())?.value).toBe('data: 2\n\n');
    expect((await reader?.read())?.done).toBe(true);
  });

  test('a request body reaches the function while it is still being sent', async () => {
    const { readable, writable } = new TransformStream();
    const writer = writable.getWriter();
    // The write waits until the body is read.
    const written = writer.write(encoder.encode('first'));
    const answer = await get('/stream-body', { method: 'POST', body: readable, duplex: 'half' });
    expect(await answer.text()).toBe('first');
    await written;
    await writer.close().catch(() => {});
  });

  test('a stream that breaks is cut off, so that the caller cannot take it for complete', async () => {
    const answer = await get('/broken-stream');
    expect(answer.status).toBe(200);
    await expect(answer.text()).rejects.toThrow();
    expect(lines.some((line) => line.includes('secret in the stream'))).toBe(true);
  });
});

describe('failures', () => {
  test.each(['/throws', '/throws-nothing', '/no-status', '/returns-nothing'])(
    '%s answers 500 without a word',
    async (path) => {
      const answer = await get(path);
      expect([answer.status, await answer.text()]).toEqual([500, '']);
    },
  );

  test('the failure is logged with its stack, its function and its invocation', async () => {
    await get('/throws');
    const line = lines.findLast((one) => one.includes('secret detail')) ?? '{}';
    expect(JSON.parse(line)).toMatchObject({
      level: 'error',
      function: 'throws',
      message: expect.stringContaining('\n    at '),
    });
  });

  test('a handler that throws nothing at all has failed all the same', async () => {
    await get('/throws-nothing');
    expect(lines.some((line) => line.includes('The handler threw undefined.'))).toBe(true);
  });

  test('a function that runs longer than functionTimeout is answered with 500', async () => {
    const begun = Date.now();
    expect((await get('/never-ends')).status).toBe(500);
    expect(Date.now() - begun).toBeGreaterThan(900);
  });
});

describe('request bodies', () => {
  test('a body up to the limit passes, announced or not', async () => {
    expect(await (await get('/echo', { method: 'POST', body: 'x'.repeat(1000) })).text()).toHaveLength(1000);
    const chunked = `POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`;
    expect(await raw(chunked)).toContain('abc');
  });

  test('a larger one is 413, announced or not', async () => {
    expect((await get('/echo', { method: 'POST', body: 'x'.repeat(1001) })).status).toBe(413);
    const chunk = `3e9\r\n${'x'.repeat(1001)}\r\n`;
    const chunked = `POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}0\r\n\r\n`;
    expect(await raw(chunked)).toContain('413 Payload Too Large');
  });

  test('a body that the function does not read does not disturb the next request on the connection', async () => {
    const post = `POST /ignore HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n${'x'.repeat(900)}`;
    const both = await raw(`${post}${post}`);
    expect(both.match(/ignored/g)).toHaveLength(2);
  });
});

describe('the host itself', () => {
  test('it tells its state and its functions, and has no other pages under /admin and /runtime', async () => {
    expect(await (await get('/admin/host/status')).json()).toMatchObject({ state: 'Running' });
    const functions = await (await get('/admin/functions')).json();
    expect(functions).toContainEqual(
      expect.objectContaining({ name: 'get-item', invoke_url_template: '/api/items/{id:int}/{part?}' }),
    );
    expect((await get('/admin/functions/ECHO')).status).toBe(200);
    expect((await get('/admin/other')).status).toBe(404);
    expect((await get('/runtime/webhooks')).status).toBe(404);
    expect((await get('/admin/functions/echo', { method: 'POST' })).status).toBe(400);
  });
});
