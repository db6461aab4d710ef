import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import {
  anthropicAnswer,
  anthropicError,
  findAnthropicFault,
  findOpenAiFault,
  openAiAnswer,
  openAiError,
  type VendorUsage,
} from './vendor-dialects.ts';

export type Vendor = 'anthropic' | 'openai';

/** What a vendor received, in the same words for both. */
export interface VendorCall {
  vendor: Vendor;
  /** Number of the call since the stub was started, from 0. */
  index: number;
  model: string;
  /** Instructions and stable prefix together. */
  system: string;
  /** The last message of the user. */
  user: string;
  messages: readonly { role: string; content: string }[];
  body: Record<string, unknown>;
  headers: IncomingMessage['headers'];
  /** Whether the caller closed the connection before it was answered. */
  isGivenUp(): boolean;
}

/** How the vendor behaves towards one call. */
export type VendorBehaviour =
  /** Answers with `value` as JSON, or with `text` as it is. */
  | {
      kind: 'answer';
      value?: unknown;
      text?: string;
      stop?: 'complete' | 'truncated' | 'refused';
      usage?: VendorUsage;
      delayMs?: number;
    }
  | {
      kind: 'status';
      status: number;
      headers?: Record<string, string>;
      type?: string;
      message?: string;
      delayMs?: number;
    }
  /** 200 with a body that is not the API's: a web page, broken JSON, or JSON of another form. */
  | { kind: 'garbage'; contentType: 'text/html' | 'application/json'; body: string }
  /** Never answers. */
  | { kind: 'hang' }
  /** Ends the connection after half of the body. */
  | { kind: 'cut' };

export type VendorScript = (call: VendorCall) => VendorBehaviour | Promise<VendorBehaviour>;

export interface VendorStub {
  anthropicBaseUrl: string;
  openaiBaseUrl: string;
  /** Replaces the script. Without one every call is answered 500. */
  script(fn: VendorScript): void;
  readonly calls: readonly VendorCall[];
  close(): Promise<void>;
}

const Text = z.union([
  z.string(),
  z
    .array(z.object({ type: z.string(), text: z.string() }))
    .transform((blocks) => blocks.map((block) => block.text).join('\n\n')),
]);
const Json = z.record(z.string(), z.unknown());
const Body = z.object({
  model: z.string(),
  system: Text.optional(),
  messages: z.array(z.object({ role: z.string(), content: Text })),
});

const DIALECTS = {
  anthropic: { findFault: findAnthropicFault, answer: anthropicAnswer, error: anthropicError },
  openai: { findFault: findOpenAiFault, answer: openAiAnswer, error: openAiError },
};

/** Both vendors' APIs on one local port. Requests that the real vendor would refuse with 400 or 401 are refused here too. */
export async function startVendorStub(): Promise<VendorStub> {
  const calls: VendorCall[] = [];
  let script: VendorScript = () => ({ kind: 'status', status: 500, message: 'no script' });

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const vendor = vendorOf(request);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    if (!vendor) return sendJson(response, 404, { error: 'no such path' });
    const dialect = DIALECTS[vendor];
    const raw = Json.parse(JSON.parse(Buffer.concat(chunks).toString('utf8')));
    const body = Body.safeParse(raw);
    const fault = body.success ? dialect.findFault(request.headers, raw) : { status: 400, message: 'malformed' };
    if (!body.success || fault) {
      return sendJson(response, fault?.status ?? 400, dialect.error('invalid_request_error', fault?.message ?? ''));
    }
    const { model, messages } = body.data;
    const call: VendorCall = {
      vendor,
      index: calls.length,
      model,
      system: [body.data.system ?? '', ...messages.filter((one) => one.role === 'system').map((one) => one.content)]
        .filter((part) => part !== '')
        .join('\n\n'),
      user: messages.findLast((message) => message.role === 'user')?.content ?? '',
      messages,
      body: raw,
      headers: request.headers,
      isGivenUp: () => response.destroyed && !response.writableEnded,
    };
    calls.push(call);
    await behave(await script(call), call, response);
  }

  const server = createServer((request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // A server that listens on a port has an address of this form.
  const { port } = server.address() as AddressInfo;
  return {
    anthropicBaseUrl: `http://127.0.0.1:${port}/anthropic`,
    openaiBaseUrl: `http://127.0.0.1:${port}/openai/v1`,
    script: (fn) => {
      script = fn;
    },
    calls,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function vendorOf(request: IncomingMessage): Vendor | undefined {
  const path = `${request.method} ${request.url?.split('?', 1)[0]}`;
  if (path === 'POST /anthropic/v1/messages') return 'anthropic';
  return path === 'POST /openai/v1/chat/completions' ? 'openai' : undefined;
}

async function behave(behaviour: VendorBehaviour, call: VendorCall, response: ServerResponse): Promise<void> {
  const dialect = DIALECTS[call.vendor];
  if ('delayMs' in behaviour) await sleep(behaviour.delayMs, undefined, { ref: false });
  switch (behaviour.kind) {
    case 'answer': {
      const text = behaviour.text ?? JSON.stringify(behaviour.value);
      const usage = behaviour.usage ?? { input: 100, output: 20 };
      return sendJson(response, 200, dialect.answer(call.model, text, behaviour.stop ?? 'complete', usage));
    }
    case 'status': {
      const type = behaviour.type ?? 'api_error';
      return sendJson(
        response,
        behaviour.status,
        dialect.error(type, behaviour.message ?? 'scripted'),
        behaviour.headers,
      );
    }
    case 'garbage':
      response.writeHead(200, { 'content-type': behaviour.contentType }).end(behaviour.body);
      return;
    case 'hang':
      return;
    case 'cut': {
      const full = JSON.stringify(dialect.answer(call.model, 'x'.repeat(1000), 'complete', { input: 1, output: 1 }));
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': String(full.length) });
      response.write(full.slice(0, 500), () => response.destroy());
    }
  }
}

function sendJson(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}
