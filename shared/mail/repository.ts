import type { Container } from '../adapters/cosmos/container.ts';
import { outboxId } from '../platform/outbox.ts';

/** The outbox records of e-mails about accounts, in the logical partition of all accounts. */
export interface MailRecords {
  has(jobId: string): Promise<boolean>;
  remove(jobId: string): Promise<void>;
}

const pk = 'accounts';

export function createMailRecords(container: Container): MailRecords {
  return {
    has: async (jobId) => (await container.read(outboxId(jobId), pk)) !== undefined,
    async remove(jobId) {
      await container.remove(outboxId(jobId), pk);
    },
  };
}
