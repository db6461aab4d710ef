import type { InvitationDocument } from './invitation-documents.ts';
import type { Invitation } from './invitation-schemas.ts';

export function isInvitationOpen(
  invitation: Pick<InvitationDocument, 'status' | 'expires_at'>,
  nowMs: number,
): boolean {
  return invitation.status === 'open' && nowMs < Date.parse(invitation.expires_at);
}

/** The invitation as it is shown. */
export function toInvitation(invitation: InvitationDocument, nowMs: number): Invitation {
  const isExpired = invitation.status === 'open' && !isInvitationOpen(invitation, nowMs);
  return { ...invitation, status: isExpired ? 'expired' : invitation.status };
}
