/** A promise that somebody may make an account. */
export interface InvitationDocument {
  id: string;
  pk: 'accounts';
  type: 'invitation';
  schema_version: 1;
  invitation_id: string;
  email: string | null;
  role: string;
  comp_ids: string[];
  invited_by_user_id: string;
  /** Of the token that whoever invites was shown. */
  token_hash: string;
  /** Of the other token, which is only in the e-mail: whoever has it reads that address. */
  mailed_token_hash: string | null;
  status: 'open' | 'accepted' | 'revoked';
  accepted_by_user_id: string | null;
  /** The account is made and is still to be put into the components. */
  is_joining: boolean;
  created_at: string;
  expires_at: string;
  /** Seconds after which the database forgets it. */
  ttl: number;
  _etag?: string;
}
