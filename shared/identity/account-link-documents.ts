export type AccountLinkKind = 'password_reset' | 'email_verification';

/** The last link of its kind that was mailed to an account: a new one takes its place, so the one before is void. */
export interface AccountLinkDocument {
  id: string;
  pk: 'accounts';
  type: 'account_link';
  schema_version: 1;
  kind: AccountLinkKind;
  user_id: string;
  /** Where it was mailed to; it proves this address and no other. */
  email: string;
  token_hash: string;
  /** The request that it answers; the same request mailed again is the same link. */
  job_id: string;
  requested_at: string;
  expires_at: string;
  /** The account's `session_version` when it was made. */
  session_version: number;
  used_at: string | null;
  /** When links of this kind were mailed in the last hour, so that nobody is flooded with them. */
  mailed_at: string[];
  /** Seconds after which the database forgets it: no link is good for as long, and no limit looks back so far. */
  ttl: number;
  _etag?: string;
}
