import type { BatchOperation, BatchRefusal } from '../adapters/cosmos/container.ts';
import type { AuditEntry, AuditRecorder } from '../audit/record.ts';
import type { MailOutbox } from '../mail/outbox.ts';
import { type Clock, isoTime } from '../platform/clock.ts';
import type { AccountNotices } from './account-notices.ts';
import type { AccountStates } from './account-states.ts';
import { type Accounts, accountsPk } from './accounts-repository.ts';
import { newFactor, summaryOf } from './factor-rules.ts';
import type { FactorDocument } from './factor-schemas.ts';
import type { Factors } from './factors-repository.ts';
import type { UserDocument } from './schemas.ts';

/** The second factors of an account, which most accounts have none of. */
export async function factorOf(factors: Pick<Factors, 'find'>, userId: string): Promise<FactorDocument> {
  return (await factors.find(userId)) ?? newFactor(userId);
}

export interface FactorChanges {
  /**
   * Writes account, second factors, trace and what else belongs to the change in one batch, and tells the holder. Refused when
   * somebody else wrote in between, or for what refused one of `more`, the first of which is at index 2.
   */
  write(
    account: UserDocument,
    factor: FactorDocument,
    trace: Omit<AuditEntry, 'target'>,
    more?: readonly BatchOperation[],
  ): Promise<BatchRefusal | undefined>;
}

export function createFactorChanges(deps: {
  accounts: Pick<Accounts, 'replace'>;
  states: Pick<AccountStates, 'forget'>;
  factors: Pick<Factors, 'operation'>;
  audit: AuditRecorder;
  notices: Pick<AccountNotices, 'ofSecondFactor'>;
  mails: Pick<MailOutbox, 'prepare'>;
  clock: Clock;
}): FactorChanges {
  const { accounts, states, factors, audit, notices, mails, clock } = deps;
  return {
    async write(account, factor, about, more = []) {
      const trace = { ...about, target: { type: 'account', id: account.user_id } };
      const changed = { ...account, second_factors: summaryOf(factor), updated_at: isoTime(clock.now()) };
      const told = mails.prepare(notices.ofSecondFactor(trace, account));
      const refused = await accounts.replace(changed, [
        factors.operation(factor),
        ...more,
        audit.operation(accountsPk, trace),
        ...told.operations,
      ]);
      if (refused !== undefined) return refused;
      states.forget(account.user_id);
      await told.send();
      return undefined;
    },
  };
}
