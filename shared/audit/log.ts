import type { AuditOutbox } from './outbox-repository.ts';
import type { AuditEntry, AuditRecorder } from './record.ts';

/** For what leaves a trace but changes no document of the container `identity`. */
export interface AuditLog {
  /**
   * Written before what it tells of is done, so that nothing is ever done without a trace. What may come often names a logical
   * partition `pk` of its own, so that it is no matter how much else is written at the same time.
   */
  write(entry: AuditEntry, pk?: string): Promise<void>;
}

const commonPk = 'audit';

export function createAuditLog(deps: { outbox: AuditOutbox; recorder: AuditRecorder }): AuditLog {
  return { write: (entry, pk = commonPk) => deps.outbox.add(pk, deps.recorder.operation(pk, entry)) };
}
