import type { BatchOperation, Container } from '../adapters/cosmos/container.ts';
import type { SessionDocument } from './session-schemas.ts';

/** The log-ins of an account: one logical partition per account. */
export interface Sessions {
  find(userId: string, sessionId: string): Promise<SessionDocument | undefined>;
  /** Throws when the session exists. */
  create(session: SessionDocument, more: readonly BatchOperation[]): Promise<void>;
}

export function sessionDocumentId(sessionId: string): string {
  return `session:${sessionId}`;
}

export function createSessions(container: Container): Sessions {
  return {
    find: (userId, sessionId) => container.read<SessionDocument>(sessionDocumentId(sessionId), userId),
    async create(session, more) {
      const refused = await container.tryBatch(session.pk, [{ op: 'create', doc: session }, ...more]);
      if (refused !== undefined) throw new Error(`A new session was refused with ${refused.status}.`);
    },
  };
}
