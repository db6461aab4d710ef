import type { BatchOperation } from '../adapters/cosmos/container.ts';
import type { Clock } from '../platform/clock.ts';
import type { Ids } from '../platform/ids.ts';
import { type Dispatcher, makeOutboxRecord, type OutboxRecord } from '../platform/outbox.ts';
import type { Mail, MailJob } from './job-schemas.ts';

const queue = 'notifications';
const pk = 'accounts';
/** Longer than a message can wait in the queue and be replayed from its dead letters. */
const keptS = 30 * 24 * 60 * 60;

/** An e-mail to be stored with a change and sent after it. */
export interface PreparedMail {
  operation: BatchOperation;
  send(): Promise<void>;
}

/** E-mails on their way to the queue. */
export interface MailOutbox {
  /**
   * For an e-mail about a change of an account: `operation` belongs in the batch of that change, in the logical partition of
   * all accounts; `send` is called afterwards and never throws, because the change feed sends what was not sent.
   */
  prepare(mail: Mail): PreparedMail;
  /** For an e-mail that somebody asks for and nothing is changed for. Throws when the queue is out of reach. */
  send(mail: Mail, jobId: string): Promise<void>;
}

export function createMailOutbox(deps: { dispatcher: Dispatcher; clock: Clock; ids: Ids }): MailOutbox {
  const { dispatcher, clock, ids } = deps;

  function recordOf(job: MailJob): OutboxRecord {
    return makeOutboxRecord({ jobId: job.job_id, queue, messageId: job.job_id, message: { ...job } }, clock);
  }

  return {
    prepare(mail) {
      const record = recordOf({ job_id: ids.next(), is_stored: true, mail });
      const doc: OutboxRecord & { pk: string; ttl: number } = { ...record, pk, ttl: keptS };
      return { operation: { op: 'create', doc }, send: () => dispatcher.trySend(record) };
    },
    send: (mail, jobId) => dispatcher.follow(recordOf({ job_id: jobId, is_stored: false, mail })),
  };
}
