import { isSessionOn } from './account-rules.ts';
import { isExpired } from './refresh-rules.ts';
import type { UserDocument } from './schemas.ts';
import type { SessionDocument } from './session-schemas.ts';

/** How many ended sessions an account remembers one by one. */
export const endedSessionsMax = 200;

/** The account after all its sessions have ended but the one that is kept: everything of an earlier version is over. */
export function withAllSessionsEnded(account: UserDocument, keptSessionId: string | null = null): UserDocument {
  return {
    ...account,
    session_version: account.session_version + 1,
    kept_session_id: keptSessionId,
    // The others are of an earlier version now, which says the same; the one that is kept would be on again.
    ended_sessions: account.ended_sessions.filter(({ session_id }) => session_id === keptSessionId),
  };
}

/**
 * The account after one session has ended whose access tokens are valid until `untilMs`. What has expired is forgotten;
 * beyond the limit all sessions end, so that none that has ended lives.
 */
export function withSessionEnded(
  account: UserDocument,
  sessionId: string,
  nowMs: number,
  untilMs: number,
): UserDocument {
  const others = account.ended_sessions.filter(
    ({ session_id, until_ms }) => until_ms > nowMs && session_id !== sessionId,
  );
  if (others.length >= endedSessionsMax) return withAllSessionsEnded(account);
  return { ...account, ended_sessions: [...others, { session_id: sessionId, until_ms: untilMs }] };
}

export interface SessionTimes {
  idleMs: number;
  /** For how long access tokens may outlive the moment at which no new ones can be had. */
  tailMs: number;
}

/**
 * Whether nothing can be done with the session any more. Ending it is two writes: a session of which only the first was
 * made still has valid access tokens for a while, so it is not over, is shown, and can be ended again.
 */
export function isOver(session: SessionDocument, account: UserDocument, nowMs: number, times: SessionTimes): boolean {
  if (!isSessionOn(account, session) || isExpired(session, nowMs, times)) return true;
  return session.ended_at !== null && nowMs >= Date.parse(session.ended_at) + times.tailMs;
}
