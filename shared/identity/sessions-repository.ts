import { type BatchOperation, type BatchRefusal, type Container, defineQuery } from '../adapters/cosmos/container.ts';
import { pageParameters } from '../platform/paging.ts';
import type { Paging } from '../platform/schemas.ts';
import type { SessionDocument } from './session-schemas.ts';

export const queries = {
  listSessions: defineQuery({
    name: 'list-sessions',
    container: 'identity',
    scope: 'partition',
    text: `SELECT * FROM c WHERE c.type = 'session' AND c.session_id < @after AND (c.version = @version OR c.session_id = @kept_session_id) AND NOT ARRAY_CONTAINS(@ended_session_ids, c.session_id) AND c.expires_at > @now AND c.last_used_at > @used_after AND (IS_NULL(c.ended_at) OR c.ended_at > @ended_after) ORDER BY c.session_id DESC OFFSET @skip LIMIT @limit`,
    index: 'type, session_id DESC',
  }),
};

/** Which sessions of an account are still on, as `isOver` of the rules says it of one. */
export interface LiveSessions {
  version: number;
  kept_session_id: string | null;
  ended_session_ids: readonly string[];
  now: string;
  used_after: string;
  ended_after: string;
}

/** The log-ins of an account: one logical partition per account. */
export interface Sessions {
  find(userId: string, sessionId: string): Promise<SessionDocument | undefined>;
  /** Throws when the session exists. */
  create(session: SessionDocument, more: readonly BatchOperation[]): Promise<void>;
  /** Writes the session over the version that was read, with `more` in the same batch; returns the refusal. */
  replace(session: SessionDocument, more?: readonly BatchOperation[]): Promise<BatchRefusal | undefined>;
  /** Newest first. */
  list(userId: string, live: LiveSessions, paging: Paging): Promise<SessionDocument[]>;
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
    replace(session, more = []) {
      const { _etag: etag, ...doc } = session;
      return container.tryBatch(session.pk, [{ op: 'replace', doc, ...(etag === undefined ? {} : { etag }) }, ...more]);
    },
    list(userId, live, paging) {
      const parameters = [
        ...pageParameters(paging, 'newest-first'),
        { name: '@version', value: live.version },
        { name: '@kept_session_id', value: live.kept_session_id },
        { name: '@ended_session_ids', value: live.ended_session_ids },
        { name: '@now', value: live.now },
        { name: '@used_after', value: live.used_after },
        { name: '@ended_after', value: live.ended_after },
      ];
      return container.query<SessionDocument>(queries.listSessions, { pk: userId, parameters });
    },
  };
}
