import type { EmailSender } from '../adapters/email/types.ts';
import { AppError } from '../platform/errors.ts';
import type { Logger } from '../platform/logging.ts';
import type { Mail, MailJob, MailOf } from './job-schemas.ts';
import type { MailRecords } from './repository.ts';
import type { AccountMail } from './schemas.ts';
import { renderMail } from './templates.ts';

/** An e-mail with its address, ready to be rendered. */
export interface AddressedMail {
  to: string;
  mail: AccountMail;
}

/**
 * Who knows what an e-mail of each kind says and where it goes; undefined when it is not to be sent (any more). Each is
 * called again with the same `jobId` when a try failed, and must then say the same.
 */
export type MailComposers = {
  [Kind in Mail['kind']]: (mail: MailOf<Kind>, jobId: string) => Promise<AddressedMail | undefined>;
};

export interface MailService {
  /** Sends one e-mail; throws when another try may succeed. */
  deliver(job: MailJob): Promise<void>;
}

export function createMailService(deps: {
  email: EmailSender;
  records: MailRecords;
  composers: MailComposers;
  logger: Logger;
}): MailService {
  const { email, records, composers, logger } = deps;

  function compose(mail: Mail, jobId: string): Promise<AddressedMail | undefined> {
    // The composer found by a kind is the one for mails of that kind.
    const composer = composers[mail.kind] as (mail: Mail, jobId: string) => Promise<AddressedMail | undefined>;
    return composer(mail, jobId);
  }

  async function send(job: MailJob): Promise<void> {
    const addressed = await compose(job.mail, job.job_id);
    if (addressed === undefined) return;
    try {
      await email.send({ to: addressed.to, messageId: job.job_id, ...renderMail(addressed.mail) });
    } catch (error) {
      if (error instanceof AppError && error.code === 'unavailable') throw error;
      // An address that the service will never take must not block the queue, nor be tried for days.
      logger.error('mail_refused', { kind: job.mail.kind, job_id: job.job_id, error });
    }
  }

  return {
    async deliver(job) {
      if (job.is_stored && !(await records.has(job.job_id))) return;
      await send(job);
      if (job.is_stored) await records.remove(job.job_id);
    },
  };
}
