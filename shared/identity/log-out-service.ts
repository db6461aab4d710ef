import type { AuditActor, AuditRecorder } from '../audit/record.ts';
import { type Clock, isoTime } from '../platform/clock.ts';
import type { Caller, Principal } from '../platform/define-endpoint.ts';
import { AppError } from '../platform/errors.ts';
import { untilWritten } from '../platform/optimistic.ts';
import { isSessionOn } from './account-rules.ts';
import type { AccountStates } from './account-states.ts';
import { type Accounts, accountsPk } from './accounts-repository.ts';
import { isOfFamily, parseRefreshToken } from './refresh-rules.ts';
import type { UserDocument } from './schemas.ts';
import { isOver, type SessionTimes, withAllSessionsEnded, withSessionEnded } from './session-rules.ts';
import type { SessionDocument } from './session-schemas.ts';
import type { Sessions } from './sessions-repository.ts';

export interface LogOutService {
  /**
   * Ends the session of the caller and that of the refresh token, whichever are given. Throws `unauthenticated` when
   * neither says whose session it is, `api_key_refused` for an API key, which has none.
   */
  logOut(user: Principal | undefined, refreshToken: string | undefined, caller: Caller): Promise<void>;
  /** Throws `not_found` for a session that is over or somebody else's. */
  endSession(user: Principal, sessionId: string): Promise<void>;
  endAllSessions(user: Principal): Promise<void>;
  /** Makes a session, no refresh token of which is good any more, end for its access tokens too. */
  finishEnd(session: SessionDocument): Promise<void>;
}

interface EndedSession {
  session_id: string;
  user_id: string;
  ended_at: string;
  version?: number;
}

/**
 * A session lies in the partition of its person and the account in that of all accounts, so ending a session is two
 * writes. The session goes first: from then on no new tokens can be had. Then the account learns it, and the access tokens
 * that exist are refused. A crash between the two leaves a session that is dead when its last access token expires,
 * minutes later; until then it is listed as what it is, on, and ending it again makes the second write. The other order
 * would be worse: an account forgets ended sessions, and one that had only ended there would come back to life.
 */
export function createLogOutService(deps: {
  sessions: Sessions;
  accounts: Pick<Accounts, 'find' | 'replace'>;
  states: Pick<AccountStates, 'forget'>;
  audit: AuditRecorder;
  clock: Clock;
  times: SessionTimes;
}): LogOutService {
  const { sessions, accounts, states, audit, clock, times } = deps;

  /** Reads, changes and writes the account; `change` returns undefined where there is nothing to do. */
  async function changeAccount(
    userId: string,
    change: (account: UserDocument) => UserDocument | undefined,
    entry: Parameters<AuditRecorder['operation']>[1] | undefined,
  ): Promise<void> {
    await untilWritten(async () => {
      const account = await accounts.find(userId);
      const changed = account && change(account);
      if (changed === undefined) return true;
      const records = entry === undefined ? [] : [audit.operation(accountsPk, entry)];
      return (await accounts.replace(changed, records)) === undefined ? true : undefined;
    });
    states.forget(userId);
  }

  async function endOnAccount(session: EndedSession, by: AuditActor | undefined): Promise<void> {
    const { session_id, user_id } = session;
    const untilMs = Date.parse(session.ended_at) + times.tailMs;
    const nowMs = clock.now();
    if (nowMs >= untilMs) return;
    await changeAccount(
      user_id,
      (account) => {
        const version = session.version ?? account.session_version;
        return isSessionOn(account, { session_id, version })
          ? withSessionEnded(account, session_id, nowMs, untilMs)
          : undefined;
      },
      by && { by, action: 'session.ended', target: { type: 'session', id: session_id }, detail: { user_id } },
    );
  }

  /** Ends the session, or does what is left of that. */
  async function end(userId: string, sessionId: string, by: AuditActor): Promise<void> {
    const ended = await untilWritten(async (): Promise<EndedSession | undefined> => {
      const session = await sessions.find(userId, sessionId);
      const at = isoTime(clock.now());
      // The database may have forgotten it before its last access token expires.
      if (session === undefined) return { session_id: sessionId, user_id: userId, ended_at: at };
      if (session.ended_at !== null) return { ...session, ended_at: session.ended_at };
      const done = { ...session, ended_at: at };
      return (await sessions.replace(done)) === undefined ? done : undefined;
    });
    await endOnAccount(ended, by);
  }

  /** The session that a refresh token of any age belongs to: having had one is enough to end it. */
  async function sessionOf(refreshToken: string): Promise<SessionDocument | undefined> {
    const token = parseRefreshToken(refreshToken);
    if (token === undefined) return undefined;
    const session = await sessions.find(token.user_id, token.session_id);
    return session !== undefined && isOfFamily(session.refresh, token) ? session : undefined;
  }

  return {
    async logOut(user, refreshToken, caller) {
      if (user?.via.kind === 'api_key') throw new AppError('api_key_refused', 'An API key has no session to end');
      const other = refreshToken === undefined ? undefined : await sessionOf(refreshToken);
      if (user === undefined && other === undefined) {
        throw new AppError('unauthenticated', 'Could not validate credentials');
      }
      if (user !== undefined) await end(user.user_id, user.via.session_id, user);
      if (other === undefined || (user !== undefined && other.session_id === user.via.session_id)) return;
      await end(other.user_id, other.session_id, user ?? { anonymous: caller });
    },

    async endSession(user, sessionId) {
      const [session, account] = await Promise.all([
        sessions.find(user.user_id, sessionId),
        accounts.find(user.user_id),
      ]);
      const isThere = session !== undefined && account !== undefined && !isOver(session, account, clock.now(), times);
      if (!isThere) throw new AppError('not_found', 'Session not found');
      await end(user.user_id, sessionId, user);
    },

    endAllSessions: (user) =>
      changeAccount(user.user_id, (account) => withAllSessionsEnded(account), {
        by: user,
        action: 'session.all_ended',
        target: { type: 'account', id: user.user_id },
      }),

    async finishEnd(session) {
      if (session.ended_at === null) return;
      await endOnAccount({ ...session, ended_at: session.ended_at }, undefined);
    },
  };
}
