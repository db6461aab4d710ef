import type { BatchOperation } from '../adapters/cosmos/container.ts';
import { type Clock, isoTime } from '../platform/clock.ts';
import type { Caller, Principal } from '../platform/define-endpoint.ts';
import type { Ids } from '../platform/ids.ts';
import type { AuditAction, AuditEvent, AuditOutboxDocument } from './schemas.ts';

/** Who did it: somebody signed in, or whoever called without being known. */
export type AuditActor = Principal | { anonymous: Caller };

export interface AuditEntry {
  by: AuditActor;
  action: AuditAction;
  target: { type: string; id: string | null };
  /** `ok` when absent. */
  result?: AuditEvent['result'];
  detail?: AuditEvent['detail'];
}

/** Makes the record of an event, to be written in the batch that does what it tells of; nothing happens before. */
export interface AuditRecorder {
  /** For a batch of the container `identity` in the logical partition `pk`. */
  operation(pk: string, entry: AuditEntry): BatchOperation;
}

function actorOf(by: AuditActor): AuditEvent['actor'] {
  if ('anonymous' in by) return { id: null, role: null, via: 'anonymous' };
  return {
    id: by.user_id,
    role: by.role,
    via: by.via.kind === 'session' ? 'session' : `api_key:${by.via.key_id}`,
  };
}

export function createAuditRecorder(deps: { clock: Clock; ids: Ids }): AuditRecorder {
  return {
    operation(pk, { by, action, target, result = 'ok', detail = {} }) {
      const caller = 'anonymous' in by ? by.anonymous : by.caller;
      const id = deps.ids.next();
      const event: AuditEvent = {
        id,
        at: isoTime(deps.clock.now()),
        actor: actorOf(by),
        action,
        target,
        result,
        detail,
        address: caller.address,
        user_agent: caller.user_agent,
        request_id: caller.request_id,
      };
      const doc: AuditOutboxDocument & { pk: string } = {
        id: `audit:${id}`,
        pk,
        type: 'audit_outbox',
        schema_version: 1,
        event,
      };
      return { op: 'create', doc };
    },
  };
}
