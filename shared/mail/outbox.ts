import type { BatchOperation } from '../adapters/cosmos/container.ts';
import type { Clock } from '../platform/clock.ts';
import type { Ids } from '../platform/ids.ts';
import { type Dispatcher, makeOutboxRecord, type OutboxRecord } from '../platform/outbox.ts';
import type { Mail, MailJob } from './job-schemas.ts';

const queue = 'notifications';
const pk = 'accounts';
/** Longer than a message can wait in the queue and be replayed from its dead letters. */
const keptS = 30 * 24 * 60 * 60;

/** E-mails to be stored with a change and sent after it: `operations` belong in the batch of the change. */
export interface PreparedMails {
  operations: BatchOperation[];
  /** Never throws, because the change feed sends what was not sent. */
  send(): Promise<void>;
}

/** E-mails on their way to the queue. */
export interface MailOutbox {
  /** For e-mails about a change in the logical partition of all accounts. */
  prepare(mails: readonly Mail[]): PreparedMails;
  /** For an e-mail that somebody asks for and nothing is changed for. Throws when the queue is out of reach. */
  send(mail: Mail, jobId: string): Promise<void>;
}

export function createMailOutbox(deps: { dispatcher: Dispatcher; clock: Clock; ids: Ids }): MailOutbox {
  const { dispatcher, clock, ids } = deps;

  function recordOf(job: MailJob): OutboxRecord {
    return makeOutboxRecord({ jobId: job.job_id, queue, messageId: job.job_id, message: { ...job } }, clock);
  }

  return {
    prepare(mails) {
      const records = mails.map((mail) => recordOf({ job_id: ids.next(), is_stored: true, mail }));
      return {
        operations: records.map((record) => {
          const doc: OutboxRecord & { pk: string; ttl: number } = { ...record, pk, ttl: keptS };
          return { op: 'create', doc };
        }),
        async send() {
          for (const record of records) await dispatcher.trySend(record);
        },
      };
    },
    send: (mail, jobId) => dispatcher.follow(recordOf({ job_id: jobId, is_stored: false, mail })),
  };
}
