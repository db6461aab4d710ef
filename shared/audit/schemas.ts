import { z } from 'zod';
import { Timestamp } from '../platform/schemas.ts';

/** What can be done that leaves a trace: `<what>.<done>`. The list is closed, so that filters and alerts can rely on it. */
export const auditActions = [
  'session.started',
  'session.refused',
  'session.ended',
  'session.all_ended',
  'session.refresh_reused',
  'session.stepped_up',
  'account.created',
  'account.changed',
  'account.role_changed',
  'account.suspended',
  'account.reactivated',
  'account.deleted',
  'account.email_verified',
  'account.login_linked',
  'account.login_unlinked',
  'password.changed',
  'password.reset_requested',
  'password.reset',
  'second_factor.added',
  'second_factor.removed',
  'second_factor.recovery_used',
  'second_factor.recovery_renewed',
  'second_factor.refused',
  'invitation.created',
  'invitation.accepted',
  'invitation.revoked',
  'role.created',
  'role.changed',
  'role.deleted',
  'api_key.created',
  'api_key.changed',
  'api_key.rotated',
  'api_key.revoked',
  'api_key.refused',
  'dead_letter.replayed',
  'dead_letter.discarded',
  'audit.exported',
  'audit.verified',
] as const;
export type AuditAction = (typeof auditActions)[number];

export const AuditEvent = z
  .object({
    id: z.string(),
    at: Timestamp,
    actor: z.object({
      id: z.string().nullable().describe('The account that acted; null for nobody known'),
      role: z.string().nullable(),
      via: z.string().describe('`session`, `api_key:<id>`, `anonymous` or `system`'),
    }),
    action: z.enum(auditActions),
    target: z.object({ type: z.string(), id: z.string().nullable() }),
    result: z.enum(['ok', 'refused']),
    detail: z.record(z.string(), z.unknown()).describe('What else matters, never a secret'),
    address: z.string(),
    user_agent: z.string().nullable(),
    request_id: z.string(),
  })
  .meta({ id: 'AuditEvent', description: 'Something that was done, or refused.' });
export type AuditEvent = z.output<typeof AuditEvent>;

const Day = z.iso.date().describe('A day (UTC), `2026-01-31`');
const Hash = z.string().describe('SHA-256, hexadecimal');

export const AuditItem = AuditEvent.extend({
  // Not the closed list: a trail outlives the versions that wrote it.
  action: z.string().describe('What was done: `<what>.<done>`'),
  day: Day.describe('The day of the trail that it was appended to'),
  seq: z.int().min(1).describe('Its number in that day'),
  previous_hash: Hash.describe('The hash of the event before it; 64 zeros for the very first'),
  hash: Hash.describe('SHA-256 of this event without this field, as canonical JSON (RFC 8785)'),
}).meta({ id: 'AuditItem', description: 'An event in the audit trail.' });
export type AuditItem = z.output<typeof AuditItem>;

const subjects = [...new Set(auditActions.map((action) => action.split('.')[0] ?? ''))];
const knownActions: readonly string[] = [...auditActions, ...subjects, ...subjects.map((subject) => `${subject}.`)];

const Moment = z
  .union([z.iso.date(), z.iso.datetime({ offset: true })], 'must be a day (2026-01-31) or a time (ISO 8601)')
  .describe('A day of the trail (UTC), or a time: then only what was done from, or until, that moment');
const Cursor = z
  .string()
  .max(200)
  .regex(/^[A-Za-z0-9_-]+$/, 'is not a cursor')
  .describe('Where the next page starts, from the `Link` header of the last one');

/** A day or a moment at both ends; both ends count. */
const Range = z.object({
  from: Moment.optional().describe('First day, or earliest time. Default: 30 days up to `to`'),
  to: Moment.optional().describe('Last day, or latest time. Default: now'),
});
export type AuditRange = z.output<typeof Range>;

export const AuditQuery = Range.extend({
  action: z
    .string()
    .max(60)
    .refine((text) => knownActions.includes(text), 'is no action and not the first part of one')
    .optional()
    .describe('One action (`session.started`), or all about one thing (`session`)'),
  actor_id: z.string().min(1).max(200).optional().describe('Who did it'),
  target_type: z.string().min(1).max(60).optional(),
  target_id: z.string().min(1).max(200).optional(),
  result: z.enum(['ok', 'refused']).optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(100).describe('How many events at most, 1 to 1000'),
  cursor: Cursor.optional(),
});
export type AuditQuery = z.output<typeof AuditQuery>;

export const AuditExportQuery = Range.extend({
  lines: z.coerce.number().int().min(1).max(5000).default(5000).describe('How many lines at most, 1 to 5000'),
  cursor: Cursor.optional(),
});
export type AuditExportQuery = z.output<typeof AuditExportQuery>;

export const AuditVerification = z
  .object({
    from: z.iso.date().optional().describe('First day to check. Default: the first of the trail'),
    to: z.iso.date().optional().describe('Last day to check. Default: the open one'),
  })
  .meta({ id: 'AuditVerification', description: 'Which days of the audit trail to check.' });
export type AuditVerification = z.output<typeof AuditVerification>;

export const AuditVerdict = z
  .object({
    ok: z.boolean().describe('Nothing is wrong with what was checked'),
    checked: z.int().min(0).describe('How many events were checked'),
    expired_days: z.int().min(0).describe('Days whose events are past their retention: only their heads were checked'),
    first_broken: z
      .object({ day: Day, seq: z.int().min(0), reason: z.string().describe('What is wrong, for a person') })
      .nullable()
      .describe('The earliest place where the trail is not as it was written'),
    head: z
      .object({ day: Day, seq: z.int().min(0), hash: Hash })
      .nullable()
      .describe('The last event that was checked: note it elsewhere, and compare it later'),
    next_from: Day.nullable().describe('The day to go on from, where there was more than one call checks'),
  })
  .meta({ id: 'AuditVerdict', description: 'Whether the audit trail is as it was written.' });
export type AuditVerdict = z.output<typeof AuditVerdict>;

/** An event that waits in the partition of what it is about until the change feed appends it to the trail. */
export interface AuditOutboxDocument {
  id: string;
  pk: string;
  type: 'audit_outbox';
  schema_version: 1;
  event: AuditEvent;
}
