import { toUser } from './account-rules.ts';
import { formatRefreshToken, type RefreshToken } from './refresh-rules.ts';
import type { UserDocument } from './schemas.ts';
import type { SessionDocument, TokenAnswer } from './session-schemas.ts';
import type { AccessTokens } from './tokens.ts';

/** New tokens of a session, in the words of all clients. An access token never outlives its session. */
export async function answerTokens(
  tokens: Pick<AccessTokens, 'sign' | 'lifetimeS'>,
  account: UserDocument,
  session: SessionDocument,
  secrets: Pick<RefreshToken, 'family' | 'secret'>,
  nowMs: number,
): Promise<TokenAnswer> {
  const sessionLeftS = Math.floor((Date.parse(session.expires_at) - nowMs) / 1000);
  const expiresIn = Math.max(0, Math.min(tokens.lifetimeS, sessionLeftS));
  const accessToken = await tokens.sign(account, session.session_id, expiresIn);
  const { user_id, session_id } = session;
  const refreshToken = formatRefreshToken({ user_id, session_id, ...secrets });
  return {
    access_token: accessToken,
    refresh_token: refreshToken,
    token_type: 'bearer',
    expires_in: expiresIn,
    role: account.role,
    user: toUser(account),
    accessToken,
    refreshToken,
    expiresIn,
  };
}
