import { createAzureEmail } from '../adapters/email/azure.ts';
import { createFolderEmail } from '../adapters/email/folder.ts';
import { noEmail } from '../adapters/email/none.ts';
import type { EmailSender } from '../adapters/email/types.ts';
import type { Clock } from '../platform/clock.ts';
import type { Config } from '../platform/config.ts';
import type { Logger } from '../platform/logging.ts';

/** The folder where one is set, which only a laptop may have; else the cloud; else nothing can be sent. */
export function createEmail(config: Config, clock: Clock, logger: Logger): EmailSender {
  const { EMAIL_FOLDER: folder, EMAIL_ENDPOINT: endpoint, EMAIL_CLIENT_ID: clientId, EMAIL_FROM: from } = config;
  if (folder !== undefined) return createFolderEmail({ folder, from, clock });
  if (endpoint !== undefined) return createAzureEmail({ endpoint, clientId, from, clock });
  if (config.LYCEUM_ENVIRONMENT === 'production') logger.warn('email_not_configured');
  return noEmail;
}
