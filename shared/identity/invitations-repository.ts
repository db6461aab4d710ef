import { type BatchOperation, type Container, defineQuery } from '../adapters/cosmos/container.ts';
import { pageParameters } from '../platform/paging.ts';
import type { Paging } from '../platform/schemas.ts';
import type { InvitationDocument } from './invitation-documents.ts';

const pk = 'accounts';

export const queries = {
  listInvitations: defineQuery({
    name: 'list-invitations',
    container: 'identity',
    scope: 'partition',
    text: `SELECT * FROM c WHERE c.type = 'invitation' AND c.invitation_id < @after ORDER BY c.invitation_id DESC OFFSET @skip LIMIT @limit`,
    index: 'type, invitation_id DESC',
  }),
  listInvitationsBy: defineQuery({
    name: 'list-invitations-by',
    container: 'identity',
    scope: 'partition',
    text: `SELECT * FROM c WHERE c.type = 'invitation' AND c.invited_by_user_id = @user_id AND c.invitation_id < @after ORDER BY c.invitation_id DESC OFFSET @skip LIMIT @limit`,
    index: 'type, invited_by_user_id, invitation_id DESC',
  }),
};

export interface Invitations {
  find(invitationId: string): Promise<InvitationDocument | undefined>;
  /** False when it exists. */
  create(invitation: InvitationDocument, more: readonly BatchOperation[]): Promise<boolean>;
  /** False when it changed since it was read. */
  replace(invitation: InvitationDocument, more?: readonly BatchOperation[]): Promise<boolean>;
  /** The newest first; of everybody when `userId` is undefined. */
  list(userId: string | undefined, paging: Paging): Promise<InvitationDocument[]>;
}

export function invitationDocumentId(invitationId: string): string {
  return `invitation:${invitationId}`;
}

export function replaceInvitation({ _etag: etag, ...doc }: InvitationDocument): BatchOperation {
  return { op: 'replace', doc, ...(etag === undefined ? {} : { etag }) };
}

export function createInvitations(container: Container): Invitations {
  return {
    find: (invitationId) => container.read<InvitationDocument>(invitationDocumentId(invitationId), pk),
    create: async (doc, more) => (await container.tryBatch(pk, [{ op: 'create', doc }, ...more])) === undefined,
    replace: async (invitation, more = []) =>
      (await container.tryBatch(pk, [replaceInvitation(invitation), ...more])) === undefined,
    list(userId, paging) {
      const parameters = pageParameters(paging, 'newest-first');
      if (userId === undefined) return container.query<InvitationDocument>(queries.listInvitations, { pk, parameters });
      return container.query<InvitationDocument>(queries.listInvitationsBy, {
        pk,
        parameters: [...parameters, { name: '@user_id', value: userId }],
      });
    },
  };
}
