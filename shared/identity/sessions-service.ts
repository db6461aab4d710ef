import type { AuditRecorder } from '../audit/record.ts';
import { type Clock, isoTime } from '../platform/clock.ts';
import type { Caller, Principal } from '../platform/define-endpoint.ts';
import { AppError } from '../platform/errors.ts';
import type { Ids } from '../platform/ids.ts';
import { toUser } from './account-rules.ts';
import type { UserDocument } from './schemas.ts';
import type { Proof, SessionDocument, TokenAnswer } from './session-schemas.ts';
import { type Sessions, sessionDocumentId } from './sessions-repository.ts';
import type { AccessTokens } from './tokens.ts';

export interface SessionsService {
  /** A new session for somebody who has proved who they are, and its tokens. Says nothing about whether they may. */
  start(account: UserDocument, caller: Caller, proofs: readonly Proof[]): Promise<TokenAnswer>;
  /** Throws `step_up_required` unless the person proved who they are at most `STEP_UP_MAX_AGE_S` seconds ago. */
  assertFresh(user: Principal): Promise<void>;
}

export interface SessionPolicy {
  absoluteMs: number;
  freshMs: number;
}

export function createSessionsService(deps: {
  sessions: Sessions;
  tokens: AccessTokens;
  audit: AuditRecorder;
  clock: Clock;
  ids: Ids;
  policy: SessionPolicy;
}): SessionsService {
  const { sessions, tokens, audit, clock, ids, policy } = deps;

  return {
    async start(account, caller, proofs) {
      const sessionId = ids.next();
      const nowMs = clock.now();
      const session: SessionDocument = {
        id: sessionDocumentId(sessionId),
        pk: account.user_id,
        type: 'session',
        schema_version: 1,
        session_id: sessionId,
        user_id: account.user_id,
        version: account.session_version,
        proofs,
        proved_at: isoTime(nowMs),
        address: caller.address,
        user_agent: caller.user_agent,
        created_at: isoTime(nowMs),
        last_used_at: isoTime(nowMs),
        expires_at: isoTime(nowMs + policy.absoluteMs),
        ended_at: null,
        ttl: Math.ceil(policy.absoluteMs / 1000),
      };
      const started = audit.operation(account.user_id, {
        by: { anonymous: caller },
        action: 'session.started',
        target: { type: 'account', id: account.user_id },
        detail: { session_id: sessionId, proofs: [...proofs] },
      });
      await sessions.create(session, [started]);
      const accessToken = await tokens.sign(account, sessionId);
      return {
        access_token: accessToken,
        token_type: 'bearer',
        expires_in: tokens.lifetimeS,
        role: account.role,
        user: toUser(account),
        accessToken,
        expiresIn: tokens.lifetimeS,
      };
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
  };
}
