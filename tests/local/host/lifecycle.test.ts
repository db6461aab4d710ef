import { execFile } from 'node:child_process';
import { connect } from 'node:net';
import { promisify } from 'node:util';
import { app } from '@azure/functions';
import { afterEach, describe, expect, test } from 'vitest';
import { type Host, type HostOptions, startHost } from '../../../local/host/start-host.ts';

let host: Host | undefined;
let lines: string[] = [];
let isSetUp = false;

/** One host after another in this process: the library's settings are kept, its functions are registered anew. */
async function start(register: () => void, options: Partial<HostOptions> = {}): Promise<Host> {
  lines = [];
  host = await startHost({
    port: 0,
    hostJson: { extensions: { http: { routePrefix: '' } } },
    settings: {},
    log: (line) => lines.push(line),
    load: async () => {
      if (!isSetUp) app.setup({ enableHttpStream: true });
      isSetUp = true;
      register();
    },
    ...options,
  });
  return host;
}

afterEach(async () => {
  await host?.close({ drainMs: 0 });
  host = undefined;
});

const handler = () => ({ body: 'ok' });
const get = (path: string) => fetch(`${host?.url}${path}`);

describe('indexing', () => {
  test.each([
    ['a name with a character that Azure refuses', () => app.get('no.dots', handler), /no\.dots.*name/],
    ['a name that begins with a digit', () => app.get('1st', handler), /1st.*name/],
    ['a name of 128 characters', () => app.get('a'.repeat(128), handler), /name/],
    [
      'two names that differ in case only',
      () => [app.get('Twice', handler), app.post('twice', handler)],
      /another function/,
    ],
    ['a route under /admin', () => app.get('x', { route: 'Admin/users', handler }), /belong to the host/],
    [
      'a route that only begins like it',
      () => app.get('x', { route: 'administration', handler }),
      /belong to the host/,
    ],
    ['a route under /runtime', () => app.get('x', { route: '/runtime/x', handler }), /belong to the host/],
    [
      'the same route and method twice',
      () => [app.get('a', { route: 'r', handler }), app.get('b', { route: 'R', handler })],
      /"a" answers GET/,
    ],
    [
      'a trigger that has no stand-in',
      () => app.storageQueue('q', { queueName: 'q', connection: 'c', handler }),
      /queueTrigger/,
    ],
    ['a malformed schedule', () => app.timer('t', { schedule: '* * *', handler: () => {} }), /NCRONTAB/],
    ['a missing setting', () => app.timer('t', { schedule: '%NOPE%', handler: () => {} }), /"NOPE" is missing/],
  ])('%s is refused at load', async (_, register, reason) => {
    await expect(start(() => void register())).rejects.toThrow(reason);
  });

  test('without a route the name is the route, below the prefix, which is "api" unless set', async () => {
    await start(() => app.get('Plain', handler), { hostJson: {} });
    expect((await get('/api/plain')).status).toBe(200);
    expect((await get('/plain')).status).toBe(404);
  });

  test("GET / is the host's own page unless AzureWebJobsDisableHomepage is true, and then 204 without a function", async () => {
    await start(() => app.get('root', { route: '/', handler }));
    expect(await (await get('/')).text()).toContain('Functions host is running');
    await host?.close();
    await start(() => app.get('other', handler), { settings: { azurewebjobsdisablehomepage: 'True' } });
    expect((await get('/')).status).toBe(204);
  });

  test('a function cannot be registered once the app runs', async () => {
    await start(() => app.get('early', handler));
    expect(() => app.get('late', handler)).toThrow(/while the app starts/);
  });
});

describe('hooks and logs', () => {
  test('hooks run around the invocation in the order in which they were registered, and may change it', async () => {
    const order: string[] = [];
    await start(() => {
      app.hook.appStart(() => void order.push('appStart'));
      app.hook.appTerminate(() => void order.push('appTerminate'));
      app.hook.preInvocation(async (context) => {
        await Promise.resolve();
        order.push('pre 1');
        context.hookData['from'] = 'pre';
      });
      app.hook.preInvocation((context) => {
        order.push('pre 2');
        const inner = context.functionHandler;
        context.functionHandler = (...args) => {
          order.push('wrapped');
          return inner(...args);
        };
      });
      app.hook.postInvocation((context) => {
        order.push(`post ${context.hookData['from']}`);
        context.result = { body: 'changed' };
      });
      app.get('x', () => {
        order.push('handler');
        return { body: 'plain' };
      });
    });
    expect(await (await get('/x')).text()).toBe('changed');
    await host?.close();
    expect(order).toEqual(['appStart', 'pre 1', 'pre 2', 'wrapped', 'handler', 'post pre', 'appTerminate']);
  });

  test('a hook that fails makes the invocation fail', async () => {
    await start(() => {
      app.hook.preInvocation(() => {
        throw new Error('no entry');
      });
      app.get('x', handler);
    });
    expect((await get('/x')).status).toBe(500);
  });

  test('what a function logs reaches the log as it is, debug lines do not, and a log hook may change it', async () => {
    await start(() => {
      app.hook.log((context) => {
        context.message = context.message.replace('secret', '***');
      });
      app.get('x', (_, context) => {
        context.log('{"a":1}');
        context.warn('the secret is', 5);
        context.debug('too much');
        return handler();
      });
    });
    await get('/x');
    expect(lines).toContain('{"a":1}');
    expect(lines).toContain('the *** is 5');
    expect(lines.join()).not.toContain('too much');
  });
});

describe('limits and the end', () => {
  test('an answer that has not begun in time is 504, one that has is cut off', async () => {
    const register = () => {
      app.get('never', () => new Promise(() => {}));
      app.get('drips', () => ({ body: new ReadableStream({ start: (c) => c.enqueue(Buffer.from('drip')) }) }));
    };
    await start(register, { answerLimitMs: 200 });
    expect((await get('/never')).status).toBe(504);
    const answer = await get('/drips');
    expect(answer.status).toBe(200);
    await expect(answer.text()).rejects.toThrow();
  });

  test('closing lets a running call end, but takes no new one', async () => {
    let finish: () => void = () => {};
    const running = Promise.withResolvers<void>();
    await start(() => {
      app.get('slow', async () => {
        running.resolve();
        await new Promise<void>((resolve) => {
          finish = resolve;
        });
        return { body: 'done' };
      });
    });
    const answer = get('/slow');
    await running.promise;
    const closed = host?.close({ drainMs: 5_000 });
    await expect(get('/slow')).rejects.toThrow();
    finish();
    expect(await (await answer).text()).toBe('done');
    await closed;
  });

  test('a request that comes on an open connection while the host closes is 503', async () => {
    const gate = Promise.withResolvers<void>();
    const running = Promise.withResolvers<void>();
    const { port } = await start(() => {
      app.get('slow', async () => {
        running.resolve();
        await gate.promise;
        return handler();
      });
    });
    const socket = connect(port, '127.0.0.1');
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.write('GET /slow HTTP/1.1\r\nHost: x\r\n\r\n');
    await running.promise;
    const closed = host?.close();
    socket.write('GET /slow HTTP/1.1\r\nHost: x\r\n\r\n');
    await new Promise((resolve) => setTimeout(resolve, 100));
    gate.resolve();
    await closed;
    expect(text).toMatch(/200 OK.*503 Service Unavailable/s);
  });

  test('closing waits until a long answer is sent', async () => {
    const size = 20_000_000;
    await start(() => app.get('long', () => ({ body: 'x'.repeat(size) })));
    const answer = await get('/long');
    const closed = host?.close({ drainMs: 10_000 });
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(await answer.text()).toHaveLength(size);
    await closed;
  });

  test('closing does not wait for longer than it was told', async () => {
    await start(() => app.get('never', () => new Promise(() => {})));
    get('/never').catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 100));
    const begun = Date.now();
    await host?.close({ drainMs: 200 });
    expect(Date.now() - begun).toBeLessThan(2_000);
  });

  test('a rejection that nobody handles is logged and does not kill the calls under way', async () => {
    // In a process of its own, because the test runner has its own opinion on such rejections.
    const script = `
      import { startHost } from './local/host/start-host.ts';
      const load = async () => {
        const { app } = await import('@azure/functions');
        app.setup({ enableHttpStream: true });
        app.get('x', async () => {
          void Promise.reject(new Error('forgotten'));
          await new Promise((resolve) => setTimeout(resolve, 50));
          return { body: 'alive' };
        });
      };
      const host = await startHost({ port: 0, hostJson: {}, settings: {}, load });
      console.log(await (await fetch(host.url + '/api/x')).text());
      await host.close();`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
    expect(stdout).toContain('"level":"critical"');
    expect(stdout).toContain('forgotten');
    expect(stdout).toContain('alive');
  });
});
