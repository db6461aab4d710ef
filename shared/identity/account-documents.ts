import type { UserDocument, UserDocumentV1 } from './schemas.ts';

type Said = 'user_id' | 'username' | 'email' | 'full_name' | 'role' | 'created_at' | 'updated_at' | 'password_hash';

/** A new account: what is said of it, and what every account has before anybody has said more. */
export function newAccount(said: Pick<UserDocument, Said> & Partial<UserDocument>): UserDocument {
  return {
    first_name: null,
    last_name: null,
    display_name: null,
    avatar_url: null,
    status: 'active',
    is_verified: false,
    language: null,
    timezone: null,
    preferences: {},
    learning_profile: null,
    tier: 'free',
    last_login: null,
    login_count: 0,
    session_version: 1,
    kept_session_id: null,
    ended_sessions: [],
    second_factors: { totp: false, passkeys: 0 },
    external_logins: [],
    ...said,
    id: said.user_id,
    pk: 'accounts',
    type: 'user',
    schema_version: 2,
  };
}

/** Reads accounts of every version as the newest one. */
export function upgradeUser(stored: UserDocument | UserDocumentV1): UserDocument {
  if (stored.schema_version === 2) return stored;
  const { is_active, ...said } = stored;
  return newAccount({ ...said, schema_version: 2, status: is_active ? 'active' : 'inactive' });
}

/** A name that one account holds. `look_alike`: what its username looks like, so that no second one looks the same. */
export type ReservedName = { kind: 'username' | 'email' | 'look_alike'; name: string };
