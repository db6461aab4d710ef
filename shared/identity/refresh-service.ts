import type { AuditRecorder } from '../audit/record.ts';
import { type Clock, isoTime } from '../platform/clock.ts';
import type { Caller } from '../platform/define-endpoint.ts';
import { AppError } from '../platform/errors.ts';
import { untilWritten } from '../platform/optimistic.ts';
import { isSessionOn } from './account-rules.ts';
import type { Accounts } from './accounts-repository.ts';
import type { LogOutService } from './log-out-service.ts';
import {
  decideRefresh,
  isOfFamily,
  parseRefreshToken,
  type RefreshPolicy,
  type RefreshToken,
  rotated,
  secretBytes,
} from './refresh-rules.ts';
import type { UserDocument } from './schemas.ts';
import type { SessionDocument, TokenAnswer } from './session-schemas.ts';
import type { Sessions } from './sessions-repository.ts';
import { secondsToKeep } from './sessions-service.ts';
import { answerTokens } from './token-answer.ts';
import type { AccessTokens } from './tokens.ts';

export interface RefreshService {
  /** New tokens for a refresh token, which is used up by it; throws `unauthenticated`. */
  refresh(refreshToken: string, caller: Caller): Promise<TokenAnswer>;
}

interface Renewed {
  session: SessionDocument;
  account: UserDocument;
  secret: Buffer;
}

const refused = (detail = 'The refresh token is not valid; log in again') => new AppError('unauthenticated', detail);

export function createRefreshService(deps: {
  sessions: Sessions;
  accounts: Pick<Accounts, 'find'>;
  tokens: AccessTokens;
  logOuts: Pick<LogOutService, 'finishEnd'>;
  audit: AuditRecorder;
  clock: Clock;
  randomBytes: (count: number) => Buffer;
  policy: RefreshPolicy;
}): RefreshService {
  const { sessions, accounts, tokens, logOuts, audit, clock, randomBytes, policy } = deps;

  /** Never the remembered account: who was suspended a second ago gets nothing new. */
  async function accountOf(session: SessionDocument): Promise<UserDocument> {
    const account = await accounts.find(session.user_id);
    if (account === undefined) throw refused();
    // Said first: the sessions of who was suspended have ended as well, and this is why.
    if (account.status !== 'active') throw refused('Inactive user');
    if (!isSessionOn(account, session)) throw refused();
    return account;
  }

  /** Undefined when somebody else has changed the session in between. */
  async function rotate(session: SessionDocument, token: RefreshToken, caller: Caller): Promise<Renewed | undefined> {
    const account = await accountOf(session);
    const nowMs = clock.now();
    const salt = randomBytes(secretBytes).toString('base64url');
    const next = rotated(session, token, { caller, salt, at: isoTime(nowMs), version: account.session_version });
    const written = { ...next.session, ttl: secondsToKeep(session, nowMs, policy.idleMs) };
    if ((await sessions.replace(written)) !== undefined) return undefined;
    return { session: written, account, secret: next.successor };
  }

  /** Undefined when somebody else has changed the session in between; else throws. */
  async function endFamily(session: SessionDocument, caller: Caller): Promise<undefined> {
    const ended = { ...session, ended_at: isoTime(clock.now()) };
    const reused = audit.operation(session.user_id, {
      by: { anonymous: caller },
      action: 'session.refresh_reused',
      target: { type: 'session', id: session.session_id },
      result: 'refused',
      detail: { user_id: session.user_id, last_address: session.address, last_user_agent: session.user_agent },
    });
    if ((await sessions.replace(ended, [reused])) !== undefined) return undefined;
    await logOuts.finishEnd(ended);
    throw refused();
  }

  async function attempt(token: RefreshToken, caller: Caller): Promise<Renewed | undefined> {
    const session = await sessions.find(token.user_id, token.session_id);
    if (session === undefined) throw refused();
    const decision = decideRefresh(session, token, caller, clock.now(), policy);
    switch (decision.kind) {
      case 'rotate':
        return rotate(session, token, caller);
      case 'repeat':
        return { session, account: await accountOf(session), secret: decision.successor };
      case 'reused':
        return endFamily(session, caller);
      case 'refused':
        // Ending it may have stopped half way; whoever comes with a token of it makes the other half.
        if (isOfFamily(session.refresh, token)) await logOuts.finishEnd(session);
        throw refused();
    }
  }

  return {
    async refresh(refreshToken, caller) {
      const token = parseRefreshToken(refreshToken);
      if (token === undefined) throw refused();
      const { session, account, secret } = await untilWritten(() => attempt(token, caller));
      return answerTokens(tokens, account, session, { family: token.family, secret }, clock.now());
    },
  };
}
