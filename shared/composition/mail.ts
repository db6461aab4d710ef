import type { EmailSender } from '../adapters/email/types.ts';
import type { CredentialsService } from '../identity/credentials-service.ts';
import type { InvitationsService } from '../identity/invitations-service.ts';
import { createNoticeComposers } from '../identity/notices.ts';
import { createMailRecords } from '../mail/repository.ts';
import { createMailService, type MailService } from '../mail/service.ts';
import type { AccountParts } from './accounts.ts';
import type { Foundation } from './foundation.ts';

export interface MailServices {
  mail: MailService;
  /** Sends at once; what may fail and be tried again goes through a job. */
  email: EmailSender;
}

/** E-mails that wait in the queue: who writes each kind, and what sends them. */
export function createMail(
  { logger, cosmos }: Foundation,
  deps: {
    email: EmailSender;
    people: AccountParts;
    credentials: CredentialsService;
    invitations: InvitationsService;
  },
): MailServices {
  const { email, people, credentials, invitations } = deps;
  const mail = createMailService({
    email,
    records: createMailRecords(cosmos.container('identity')),
    composers: {
      password_reset: credentials.composeReset,
      email_verification: people.emailVerification.compose,
      invitation: invitations.compose,
      ...createNoticeComposers({ accounts: people.accounts }),
    },
    logger,
  });
  return { mail, email };
}
