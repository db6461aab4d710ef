import { HttpRequest } from '@azure/functions';
import { onTestFinished } from 'vitest';
import { loadConfig } from '../../shared/platform/config.ts';
import type { Endpoint } from '../../shared/platform/define-endpoint.ts';
import { handleRequest } from '../../shared/platform/pipeline.ts';
import { createRuntime, type RuntimeOverrides } from '../../shared/services.ts';
import { type Lab, Reply } from './client.ts';

/** One more instance of the application on the same database, with other settings; it ends with the test. */
export function startInstance(lab: Lab, settings: Record<string, string>, overrides: RuntimeOverrides = {}) {
  const runtime = createRuntime(loadConfig({ ...lab.app.settings, ...settings }), {
    writeLog: () => undefined,
    bcryptCost: 4,
    strictErrors: true,
    ...overrides,
  });
  onTestFinished(() => runtime.close());
  return {
    runtime,
    async call(endpoint: Endpoint, options: { json?: unknown; token?: string } = {}): Promise<Reply> {
      const headers: Record<string, string> = { 'content-type': 'application/json' };
      if (options.token !== undefined) headers['authorization'] = `Bearer ${options.token}`;
      const request = new HttpRequest({
        method: endpoint.method,
        url: `http://127.0.0.1/${endpoint.routes[0]}`,
        headers,
        body: { string: JSON.stringify(options.json ?? {}) },
      });
      const answer = await handleRequest(endpoint, request, runtime);
      return new Reply(answer.status ?? 200, new Headers(), String(answer.body ?? ''));
    },
  };
}
