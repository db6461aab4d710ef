import type { AuditOutbox } from './outbox-repository.ts';
import type { AuditEntry, AuditRecorder } from './record.ts';

/** For what leaves a trace but changes no document of the container `identity`. */
export interface AuditLog {
  /** Written before what it tells of is done, so that nothing is ever done without a trace. */
  write(entry: AuditEntry): Promise<void>;
}

const pk = 'audit';

export function createAuditLog(deps: { outbox: AuditOutbox; recorder: AuditRecorder }): AuditLog {
  return { write: (entry) => deps.outbox.add(pk, deps.recorder.operation(pk, entry)) };
}
