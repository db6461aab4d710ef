import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { EmailClientOptions } from '@azure/communication-email';
import { z } from 'zod';

const Mail = z.object({
  senderAddress: z.email(),
  recipients: z.object({ to: z.array(z.object({ address: z.string() })).length(1) }),
  content: z.object({ subject: z.string().min(1), plainText: z.string(), html: z.string() }),
  userEngagementTrackingDisabled: z.literal(true),
});

/** How the service behaves towards the next send. */
export type EmailBehaviour =
  /** Takes it (202), then says each of these when asked how it goes; the last one for ever. */
  | { kind: 'take'; statuses: readonly ({ status: string; code?: string } | { http: number })[] }
  | { kind: 'status'; status: number; headers?: Record<string, string>; code?: string }
  | { kind: 'hang' }
  | { kind: 'cut' };

export const delivered: EmailBehaviour = { kind: 'take', statuses: [{ status: 'Succeeded' }] };

export interface EmailStub {
  /** What the real service would be called; TLS and the way here are the client options' business. */
  endpoint: string;
  clientOptions: EmailClientOptions;
  script(behaviour: EmailBehaviour): void;
  /** What was taken, by operation. */
  readonly taken: Map<string, z.infer<typeof Mail>>;
  /** Every request that was allowed in: method and path. */
  readonly requests: string[];
  close(): Promise<void>;
}

export const stubToken = 'a token for https://communication.azure.com//.default';

/** The e-mail part of Azure Communication Services on a local port: what the real one refuses is refused here. */
export async function startEmailStub(): Promise<EmailStub> {
  const endpoint = 'https://school.communication.example';
  const taken: EmailStub['taken'] = new Map();
  const requests: string[] = [];
  const polls = new Map<string, number>();
  let behaviour: EmailBehaviour = delivered;

  function answer(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
  }

  async function send(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const id = z.uuid().parse(request.headers['operation-id']);
    const mail = Mail.safeParse(JSON.parse(Buffer.concat(chunks).toString('utf8')));
    if (!mail.success) return answer(response, 400, { error: { code: 'BadRequest', message: mail.error.message } });
    if (behaviour.kind === 'hang') return;
    if (behaviour.kind === 'cut') {
      response.destroy();
      return;
    }
    if (behaviour.kind === 'status') {
      const error = { code: behaviour.code ?? 'Scripted', message: `about ${mail.data.recipients.to[0]?.address}` };
      return answer(response, behaviour.status, { error }, behaviour.headers);
    }
    if (taken.has(id)) return answer(response, 409, { error: { code: 'Conflict', message: 'known' } });
    taken.set(id, mail.data);
    const location = `${endpoint}/emails/operations/${id}?api-version=1`;
    answer(response, 202, { id, status: 'Running' }, { 'operation-location': location });
  }

  function poll(id: string, response: ServerResponse): void {
    const statuses = behaviour.kind === 'take' ? behaviour.statuses : [];
    const count = polls.get(id) ?? 0;
    polls.set(id, count + 1);
    const now = statuses[Math.min(count, statuses.length - 1)] ?? { status: 'Running' };
    if ('http' in now) answer(response, now.http, { error: { code: 'Scripted', message: 'scripted' } });
    else {
      const error = now.code === undefined ? {} : { error: { code: now.code, message: 'about someone@example.org' } };
      answer(response, 200, { id, status: now.status, ...error });
    }
  }

  const server = createServer((request, response) => {
    const path = request.url?.split('?', 1)[0] ?? '';
    if (request.headers.authorization !== `Bearer ${stubToken}`) {
      answer(response, 401, { error: { code: 'Denied', message: 'no' } });
      return;
    }
    requests.push(`${request.method} ${path}`);
    const operation = /^\/emails\/operations\/([\w-]+)$/.exec(path)?.[1];
    if (operation !== undefined) poll(operation, response);
    else if (path === '/emails:send') send(request, response).catch(() => response.destroy());
    else answer(response, 404, { error: { code: 'NotFound', message: 'no such path' } });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // A server that listens on a port has an address of this form.
  const { port } = server.address() as AddressInfo;
  return {
    endpoint,
    clientOptions: {
      additionalPolicies: [
        {
          // Last of all, so that the SDK has signed a request for TLS before it is led here.
          position: 'perRetry',
          policy: {
            name: 'lead-to-the-stub',
            sendRequest(request, next) {
              request.url = request.url.replace(endpoint, `http://127.0.0.1:${port}`);
              request.allowInsecureConnection = true;
              return next(request);
            },
          },
        },
      ],
    },
    script: (next) => {
      behaviour = next;
    },
    taken,
    requests,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
