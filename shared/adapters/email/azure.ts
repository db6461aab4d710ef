import { createHash } from 'node:crypto';
import type { EmailClient, EmailClientOptions, EmailSendOptionalParams } from '@azure/communication-email';
import type { Clock } from '../../platform/clock.ts';
import { AppError } from '../../platform/errors.ts';
import { managedIdentity, type TokenCredential } from '../azure-identity/credential.ts';
import { retryAfterMs } from '../llm/retry-after.ts';
import { EmailRefused } from './errors.ts';
import { assertOneLine } from './one-line.ts';
import type { EmailSender } from './types.ts';

export interface AzureEmailOptions {
  /** `https://<resource>.communication.azure.com`. */
  endpoint: string;
  /** An address of a domain that the resource may send from. */
  from: string;
  clock: Clock;
  /** Of the user-assigned identity. */
  clientId?: string | undefined;
  credential?: TokenCredential;
  /** How long a send is followed, from the first byte to the end of the operation. */
  limitMs?: number;
  pollMs?: number;
  clientOptions?: EmailClientOptions;
}

/** How far the service has got with the e-mail; nothing until it has answered. */
interface Progress {
  status?: string | undefined;
  code?: string | undefined;
}

/** The identifier of the send, a UUID made of the message's own, so that a repeat names the same operation. */
function operationIdOf(messageId: string): string {
  const hex = createHash('sha256').update(messageId).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

/** Only a plain name is safe to log: the service's sentences repeat addresses. */
function nameIn(value: unknown): string | undefined {
  return typeof value === 'string' && /^[\w.-]{1,80}$/.test(value) ? value : undefined;
}

const finalStatuses = new Set([400, 405, 413, 415, 422]);
const usualWaitS = 30;

/** What a failure before the service had the e-mail means for the next try. */
function toFailure(error: unknown, clock: Clock): AppError | EmailRefused {
  const status = field(error, 'statusCode');
  const code = nameIn(field(error, 'code')) ?? 'unknown';
  if (typeof status === 'number' && finalStatuses.has(status)) {
    return new EmailRefused(code, `The e-mail service refused an e-mail with ${status} ${code}.`);
  }
  const headers = field(field(error, 'response'), 'headers');
  // Its class is the SDK's own; all that is used is how it gives a header.
  const get = field(headers, 'get') as ((name: string) => string | undefined) | undefined;
  const waitMs = get && retryAfterMs({ get: (name) => get.call(headers, name) ?? null }, clock.now());
  // 401, 403 and 404 too: the settings or the role are wrong, and the e-mail can go when somebody has mended them.
  return new AppError('unavailable', 'E-mails cannot be sent right now.', {
    retryAfterS: waitMs === undefined ? usualWaitS : Math.ceil(waitMs / 1000),
    cause: new Error(`The e-mail service answered ${typeof status === 'number' ? status : 'nothing'} ${code}.`),
  });
}

/**
 * Sends with Azure Communication Services as the managed identity. The service takes an e-mail (202) and delivers it later: it
 * is followed for a while to hear of a refusal, and once it was taken nothing but that refusal is a failure, because another try
 * could be a second e-mail.
 */
export function createAzureEmail(options: AzureEmailOptions): EmailSender {
  const { endpoint, from, clock, limitMs = 20_000, pollMs = 1_000 } = options;
  let client: Promise<EmailClient> | undefined;

  async function connect(): Promise<EmailClient> {
    const { EmailClient: Client } = await import('@azure/communication-email');
    const credential = options.credential ?? (await managedIdentity(options.clientId));
    // One attempt: the queue tries again.
    return new Client(endpoint, credential, { retryOptions: { maxRetries: 0 }, ...options.clientOptions });
  }

  return {
    async send(message) {
      assertOneLine(message);
      client ??= connect();
      const sender = await client;
      const progress: Progress = {};
      const abortSignal = AbortSignal.timeout(limitMs);
      const sendOptions: EmailSendOptionalParams = {
        operationId: operationIdOf(message.messageId),
        updateIntervalInMs: pollMs,
        abortSignal,
        onResponse({ status, parsedBody }) {
          if (status >= 300) return;
          progress.status = String(field(parsedBody, 'status') ?? 'Running');
          progress.code = nameIn(field(field(parsedBody, 'error'), 'code'));
        },
      };
      try {
        const { to, subject, text, html } = message;
        const poller = await sender.beginSend(
          {
            senderAddress: from,
            recipients: { to: [{ address: to }] },
            content: { subject, plainText: text, html },
            // Links with somebody's token in them must not lead through a counter of clicks.
            disableUserEngagementTracking: true,
          },
          sendOptions,
        );
        await poller.pollUntilDone({ abortSignal });
      } catch (error) {
        // A repeat of a send that the service has already.
        const isKnown = field(error, 'statusCode') === 409;
        if (progress.status === undefined && !isKnown) throw toFailure(error, clock);
      }
      if (progress.status === 'Failed' || progress.status === 'Canceled') {
        const code = progress.code ?? progress.status;
        throw new EmailRefused(code, `The e-mail service took an e-mail and then refused it: ${code}.`);
      }
    },
  };
}
