import type { User, UserDocument } from './schemas.ts';

/** The account as it is shown: nothing that proves who somebody is, and the names that each client looks for. */
export function toUser(account: UserDocument): User & { _etag?: string } {
  return {
    ...account,
    id: account.user_id,
    name: account.display_name ?? account.full_name ?? account.username,
    is_active: account.status === 'active',
    mfa_enabled: account.second_factors.totp || account.second_factors.passkeys > 0,
    last_login_at: account.last_login,
  };
}

/**
 * Whether a session of the account is still on. `version` is what `session_version` was when the token was made: all older
 * ones are over, but for the one from which the others were ended.
 */
export function isSessionOn(
  account: Pick<UserDocument, 'session_version' | 'kept_session_id' | 'ended_sessions'>,
  session: { session_id: string; version: number },
): boolean {
  if (account.ended_sessions.some(({ session_id }) => session_id === session.session_id)) return false;
  return session.version === account.session_version || session.session_id === account.kept_session_id;
}
