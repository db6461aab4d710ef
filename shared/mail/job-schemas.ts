import { z } from 'zod';
import { Id, Timestamp } from '../platform/schemas.ts';

/** Who asked for an e-mail without being known, for the audit trail. */
const Asker = z.object({ request_id: z.string(), address: z.string(), user_agent: z.string().nullable() });

/**
 * An e-mail that is to be written and sent: what it is about, never what it says and never a secret. The worker looks up
 * the rest, so the queue and its dead letters hold no link.
 */
const Mail = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('password_reset'),
    email: z.string().describe('As it was typed; there may be no such account'),
    requested_at: Timestamp,
    asker: Asker,
  }),
  z.object({ kind: z.literal('email_verification'), user_id: Id, email: z.string(), requested_at: Timestamp }),
  z.object({ kind: z.literal('invitation'), invitation_id: Id }),
  z.object({ kind: z.literal('password_changed'), user_id: Id, at: Timestamp, address: z.string() }),
  z.object({
    kind: z.literal('email_changed'),
    to: z.string().describe('The address that the account had before'),
    name: z.string(),
    new_email: z.string(),
    at: Timestamp,
    address: z.string(),
  }),
  z.object({
    kind: z.literal('second_factor_changed'),
    user_id: Id,
    what: z.string(),
    at: Timestamp,
    address: z.string(),
  }),
]);
export type Mail = z.output<typeof Mail>;
export type MailOf<Kind extends Mail['kind']> = Extract<Mail, { kind: Kind }>;

/** A message of the queue `notifications`. */
export const MailJob = z.object({
  job_id: Id,
  is_stored: z
    .boolean()
    .describe('There is an outbox record until the e-mail is sent; without one it has been sent already'),
  mail: Mail,
});
export type MailJob = z.output<typeof MailJob>;
