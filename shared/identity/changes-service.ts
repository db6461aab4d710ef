import type { Dispatcher, OutboxRecord } from '../platform/outbox.ts';
import type { InvitationDocument } from './invitation-documents.ts';
import type { InvitationsService } from './invitations-service.ts';

/** What follows from changes of accounts; harmless to repeat. */
export interface AccountChangesService {
  follow(documents: readonly unknown[]): Promise<void>;
}

export function createAccountChangesService(deps: {
  dispatcher: Dispatcher;
  invitations: Pick<InvitationsService, 'finish'>;
}): AccountChangesService {
  return {
    async follow(documents) {
      // The feed hands out what the repositories wrote; documents of other types have nothing to follow.
      for (const doc of documents as readonly (InvitationDocument | OutboxRecord)[]) {
        if (doc.type === 'outbox') await deps.dispatcher.follow(doc);
        else if (doc.type === 'invitation' && doc.is_joining) await deps.invitations.finish(doc.invitation_id);
      }
    },
  };
}
