import type { AuditRecorder } from '../audit/record.ts';
import { type Clock, isoTime } from '../platform/clock.ts';
import type { Caller, Page, Principal } from '../platform/define-endpoint.ts';
import { AppError } from '../platform/errors.ts';
import type { Ids } from '../platform/ids.ts';
import type { Logger } from '../platform/logging.ts';
import { untilWritten } from '../platform/optimistic.ts';
import { toPage } from '../platform/paging.ts';
import type { Paging } from '../platform/schemas.ts';
import type { Accounts } from './accounts-repository.ts';
import { hashOf, secretBytes } from './refresh-rules.ts';
import type { UserDocument } from './schemas.ts';
import type { Proof, Session, SessionDocument, TokenAnswer } from './session-schemas.ts';
import { type Sessions, sessionDocumentId } from './sessions-repository.ts';
import { answerTokens } from './token-answer.ts';
import type { AccessTokens } from './tokens.ts';

export interface SessionsService {
  /**
   * A new session for somebody who has proved who they are, its tokens, and a token of the device; notes the log-in on the
   * account, with its password hash when that was made anew. Says nothing about whether they may.
   */
  start(account: UserDocument, caller: Caller, proofs: readonly Proof[]): Promise<TokenAnswer>;
  /** The sessions of the caller that are still on, newest first. */
  list(user: Principal, paging: Paging): Promise<Page<Session>>;
  /** Throws `step_up_required` unless the person proved who they are at most `STEP_UP_MAX_AGE_S` seconds ago. */
  assertFresh(user: Principal): Promise<void>;
  /** Keeps that the person has just proved who they are, and says until when that counts. */
  prove(user: Principal, proof: Proof): Promise<{ proved_at: string; expires_in: number }>;
}

export interface SessionPolicy {
  idleMs: number;
  absoluteMs: number;
  freshMs: number;
  /** For how long access tokens may outlive the moment at which no new ones can be had. */
  tailMs: number;
}

const daySeconds = 24 * 60 * 60;

/** Seconds for which the database keeps a session: a day longer than it can be used, because access tokens may last a day. */
export function secondsToKeep(session: Pick<SessionDocument, 'expires_at'>, nowMs: number, idleMs: number): number {
  const usableMs = Math.min(Date.parse(session.expires_at) - nowMs, idleMs);
  return Math.ceil(Math.max(0, usableMs) / 1000) + daySeconds;
}

export function createSessionsService(deps: {
  sessions: Sessions;
  accounts: Pick<Accounts, 'find' | 'noteLogIn'>;
  tokens: AccessTokens;
  audit: AuditRecorder;
  clock: Clock;
  ids: Ids;
  logger: Pick<Logger, 'warn'>;
  randomBytes: (count: number) => Buffer;
  makeDeviceToken: (userId: string) => string;
  policy: SessionPolicy;
}): SessionsService {
  const { sessions, accounts, tokens, audit, clock, ids, logger, randomBytes, policy } = deps;

  /** Nobody is refused because this could not be written. */
  async function noteLogIn(account: UserDocument, at: string): Promise<void> {
    await accounts.noteLogIn(account, at).catch((error: unknown) => logger.warn('log_in_not_noted', { error }));
  }

  return {
    async start(account, caller, proofs) {
      const sessionId = ids.next();
      const nowMs = clock.now();
      const now = isoTime(nowMs);
      const secrets = { family: randomBytes(secretBytes), secret: randomBytes(secretBytes) };
      const expiresAt = isoTime(nowMs + policy.absoluteMs);
      const session: SessionDocument = {
        id: sessionDocumentId(sessionId),
        pk: account.user_id,
        type: 'session',
        schema_version: 1,
        session_id: sessionId,
        user_id: account.user_id,
        version: account.session_version,
        refresh: { family_hash: hashOf(secrets.family), current_hash: hashOf(secrets.secret), previous: null },
        proofs,
        proved_at: now,
        address: caller.address,
        user_agent: caller.user_agent,
        created_at: now,
        last_used_at: now,
        expires_at: expiresAt,
        ended_at: null,
        ttl: secondsToKeep({ expires_at: expiresAt }, nowMs, policy.idleMs),
      };
      const started = audit.operation(account.user_id, {
        by: { anonymous: caller },
        action: 'session.started',
        target: { type: 'account', id: account.user_id },
        detail: { session_id: sessionId, proofs: [...proofs] },
      });
      await Promise.all([sessions.create(session, [started]), noteLogIn(account, now)]);
      const shown = { ...account, last_login: now, login_count: account.login_count + 1 };
      const answer = await answerTokens(tokens, shown, session, secrets, nowMs);
      return { ...answer, device_token: deps.makeDeviceToken(account.user_id) };
    },

    async list(user, paging) {
      const account = await accounts.find(user.user_id);
      if (account === undefined) return { items: [] };
      const nowMs = clock.now();
      const live = {
        version: account.session_version,
        kept_session_id: account.kept_session_id,
        ended_session_ids: account.ended_sessions.map(({ session_id }) => session_id),
        now: isoTime(nowMs),
        used_after: isoTime(nowMs - policy.idleMs),
        ended_after: isoTime(nowMs - policy.tailMs),
      };
      const found = await sessions.list(user.user_id, live, paging);
      const current = user.via.kind === 'session' ? user.via.session_id : undefined;
      const shown = found.map(
        ({ proofs, ...session }): Session => ({
          ...session,
          proofs: [...proofs],
          is_current: session.session_id === current,
        }),
      );
      return toPage(shown, paging, (session) => session.session_id);
    },

    async assertFresh(user) {
      if (user.via.kind !== 'session') {
        throw new AppError('step_up_required', 'Only a person who is logged in can do this, not an API key');
      }
      const session = await sessions.find(user.user_id, user.via.session_id);
      const ageMs = session === undefined ? Number.POSITIVE_INFINITY : clock.now() - Date.parse(session.proved_at);
      if (ageMs < policy.freshMs) return;
      throw new AppError('step_up_required', 'Prove again who you are: POST /api/v1/auth/step-up');
    },

    async prove(user, proof) {
      if (user.via.kind !== 'session') {
        throw new AppError('step_up_required', 'Only a person who is logged in can do this, not an API key');
      }
      const { session_id } = user.via;
      const provedAt = await untilWritten(async () => {
        const session = await sessions.find(user.user_id, session_id);
        // One that ends soon is still on: whether it is has been decided with the token.
        if (session === undefined) {
          throw new AppError('unauthenticated', 'Could not validate credentials');
        }
        const nowMs = clock.now();
        const proved: SessionDocument = {
          ...session,
          proofs: [...new Set([...session.proofs, proof])],
          proved_at: isoTime(nowMs),
          // The database counts from the last write.
          ttl: secondsToKeep(session, nowMs, policy.idleMs),
        };
        const trace = audit.operation(user.user_id, {
          by: user,
          action: 'session.stepped_up',
          target: { type: 'account', id: user.user_id },
          detail: { session_id, proof },
        });
        return (await sessions.replace(proved, [trace])) === undefined ? proved.proved_at : undefined;
      });
      return { proved_at: provedAt, expires_in: Math.floor(policy.freshMs / 1000) };
    },
  };
}
