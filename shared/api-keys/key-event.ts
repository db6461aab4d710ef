import type { BatchOperation } from '../adapters/cosmos/container.ts';
import type { AuditRecorder } from '../audit/record.ts';
import type { AuditAction, AuditEvent } from '../audit/schemas.ts';
import type { Principal } from '../platform/define-endpoint.ts';
import type { ApiKeyDocument } from './documents.ts';

/** The record of what somebody did to a key, for the batch that does it. */
export function keyEvent(
  audit: AuditRecorder,
  by: Principal,
  key: Pick<ApiKeyDocument, 'user_id' | 'key_id'>,
  action: AuditAction,
  detail: AuditEvent['detail'],
): BatchOperation {
  const target = { type: 'api_key', id: key.key_id };
  return audit.operation(key.user_id, { by, action, target, detail: { owner_user_id: key.user_id, ...detail } });
}
