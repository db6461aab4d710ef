import { randomUUID } from 'node:crypto';
import type { EmailMessage, EmailSender } from '../../shared/adapters/email/types.ts';
import { until } from '../workers/fixture.ts';
import type { Lab } from './client.ts';

/** Stands in for the e-mail service, which is a paid vendor: keeps what it is given, or fails as it is told. */
export class Mailbox implements EmailSender {
  readonly sent: EmailMessage[] = [];
  /** Thrown by the next sends instead of keeping the message. */
  failures: Error[] = [];
  readonly #seen = new Map<string, number>();

  send(message: EmailMessage): Promise<void> {
    const failure = this.failures.shift();
    if (failure !== undefined) return Promise.reject(failure);
    this.sent.push(message);
    return Promise.resolve();
  }

  to(address: string): EmailMessage[] {
    return this.sent.filter((message) => message.to.toLowerCase() === address.toLowerCase());
  }

  /** The next message to the address with this in its text, each only once. */
  async next(address: string, having: string): Promise<EmailMessage> {
    const key = `${address} ${having}`;
    const seen = this.#seen.get(key) ?? 0;
    const find = async () => this.to(address).filter((message) => message.text.includes(having))[seen];
    const message = await until(`a mail to ${address} with ${having}`, find);
    this.#seen.set(key, seen + 1);
    return message;
  }

  /** The token in the link of the next message to the address that leads to this page. */
  async token(address: string, page: string): Promise<string> {
    const { text } = await this.next(address, `/${page}?token=`);
    const [, token = ''] = /token=([\w-]+)/.exec(text) ?? [];
    return token;
  }
}

const tokenIn = (link: string | undefined) => new URL(link ?? '').searchParams.get('token') ?? '';

/** The token that would be mailed to somebody new who has forgotten their password, and the address. */
export async function forgottenPassword(lab: Lab): Promise<{ token: string; email: string }> {
  const email = `p${randomUUID()}@example.org`;
  await lab.makePerson('student', { email });
  const asker = { request_id: 'test', address: 'unknown', user_agent: null };
  const job = { kind: 'password_reset' as const, email, requested_at: new Date().toISOString(), asker };
  const addressed = await lab.app.runtime.services.credentials.composeReset(job, randomUUID());
  return { email, token: tokenIn(addressed && 'link' in addressed.mail ? addressed.mail.link : undefined) };
}

/** The token that would be mailed to somebody new to prove their address. */
export async function unprovedAddress(lab: Lab): Promise<string> {
  const email = `p${randomUUID()}@example.org`;
  const { id } = await lab.makePerson('student', { email });
  const job = { kind: 'email_verification' as const, user_id: id, email, requested_at: new Date().toISOString() };
  const addressed = await lab.app.runtime.services.emailVerification.compose(job, randomUUID());
  return tokenIn(addressed && 'link' in addressed.mail ? addressed.mail.link : undefined);
}
