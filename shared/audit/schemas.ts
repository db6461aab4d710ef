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

/** An event that waits in the partition of what it is about until the change feed appends it to the trail. */
export interface AuditOutboxDocument {
  id: string;
  pk: string;
  type: 'audit_outbox';
  schema_version: 1;
  event: AuditEvent;
}
