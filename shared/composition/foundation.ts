import type { Cosmos } from '../adapters/cosmos/client.ts';
import type { AuditLog } from '../audit/log.ts';
import type { AuditRecorder } from '../audit/record.ts';
import type { MailOutbox } from '../mail/outbox.ts';
import type { Clock } from '../platform/clock.ts';
import type { Config } from '../platform/config.ts';
import type { Ids } from '../platform/ids.ts';
import type { Logger } from '../platform/logging.ts';
import type { Dispatcher } from '../platform/outbox.ts';

/** What the services of every domain are made of; `shared/services.ts` makes it once. */
export interface Foundation {
  config: Config;
  clock: Clock;
  ids: Ids;
  random: () => number;
  logger: Logger;
  /** The key of one use, made of the secret in the settings. */
  keyOf(use: string): Buffer;
  cosmos: Pick<Cosmos, 'container'>;
  dispatcher: Dispatcher;
  audit: AuditRecorder;
  auditLog: AuditLog;
  mails: MailOutbox;
}
