import type { BatchOperation, BatchRefusal } from '../adapters/cosmos/container.ts';
import type { AuditEntry, AuditRecorder } from '../audit/record.ts';
import type { Mail } from '../mail/job-schemas.ts';
import type { MailOutbox } from '../mail/outbox.ts';
import { type Clock, isoTime } from '../platform/clock.ts';
import { AppError } from '../platform/errors.ts';
import { assertVersion, untilWritten } from '../platform/optimistic.ts';
import type { ReservedName } from './account-documents.ts';
import { namesOf, namesToLeaveFree, takenOf } from './account-names-rules.ts';
import type { AccountStates } from './account-states.ts';
import { type Accounts, accountsPk, reservationId, reserveName } from './accounts-repository.ts';
import { nameRefusal } from './registration-rules.ts';
import type { UserDocument } from './schemas.ts';
import type { Standings } from './standing.ts';
import type { Users } from './users-repository.ts';

/** What somebody is to be made of an account, and what the trail says about it; nothing is written without an event. */
export interface AccountChange {
  account: UserDocument;
  events: readonly Omit<AuditEntry, 'target'>[];
  /** What the account holder is told of it. */
  mails?: readonly Mail[];
}

/** One batch for everything that hangs on an account: its names, the roster of administrators, the use of its role, the events. */
export interface AccountWrites {
  /**
   * Reads the account, lets `decide` say what it shall be, and writes that; again when somebody else wrote in between. Throws
   * `not_found`, `precondition_failed`, `username_in_use`, `email_in_use` and `last_administrator`.
   */
  apply(
    userId: string,
    ifMatch: string | undefined,
    decide: (present: UserDocument) => AccountChange | Promise<AccountChange>,
  ): Promise<UserDocument>;
  /** Leaves nothing of the account but its id; its names are free. Throws `not_found` and `last_administrator`. */
  remove(userId: string, ifMatch: string | undefined, by: AuditEntry['by']): Promise<undefined>;
}

/** A batch takes 100 operations; the account, the roster, the role and the events need a few of them. */
const belongingsPerBatchMax = 90;

/** Names first: they must be free at once, what else there is can be removed a moment later. */
function namesFirst(account: UserDocument, belongings: readonly string[]): string[] {
  const names = new Set(namesOf(account).map(reservationId));
  return [...belongings.filter((id) => names.has(id)), ...belongings.filter((id) => !names.has(id))];
}

export function createAccountWrites(deps: {
  accounts: Pick<Accounts, 'find' | 'isTaken' | 'replace'>;
  users: Pick<Users, 'belongings' | 'bury' | 'removeAll'>;
  states: Pick<AccountStates, 'forget'>;
  standings: Standings;
  audit: AuditRecorder;
  mails: Pick<MailOutbox, 'prepare'>;
  clock: Clock;
}): AccountWrites {
  const { accounts, users, states, standings, audit, mails, clock } = deps;

  async function present(userId: string, ifMatch: string | undefined): Promise<UserDocument> {
    const account = await accounts.find(userId);
    if (account === undefined) throw new AppError('not_found', 'User not found');
    assertVersion(ifMatch, account._etag);
    return account;
  }

  /** The names that are new to the account, and the reservations that it gives back; no query when the names stay. */
  async function movedNames(before: UserDocument, after: UserDocument) {
    const former = namesOf(before).map(reservationId);
    const wanted = namesOf(after);
    const ids = wanted.map(reservationId);
    if (ids.join() === former.join()) return { taken: [], freed: [] };
    // What it really holds: older accounts hold less than newer ones.
    const held = new Set(await users.belongings(before.user_id));
    const asked = new Set(namesToLeaveFree(before).map(reservationId));
    for (const name of namesToLeaveFree(after)) {
      const id = reservationId(name);
      const isOthers = !held.has(id) && !asked.has(id) && (await accounts.isTaken(name));
      if (isOthers) throw nameRefusal(takenOf(name, after), 'conflict');
    }
    return {
      taken: wanted.filter((name) => !held.has(reservationId(name))),
      freed: former.filter((id) => held.has(id) && !ids.includes(id)),
    };
  }

  /** Throws when trying again cannot help. */
  function judge(
    refusal: BatchRefusal,
    account: UserDocument,
    taken: readonly ReservedName[],
    ifMatch: string | undefined,
  ): undefined {
    if (refusal.index === 0 && ifMatch !== undefined) throw new AppError('precondition_failed');
    const name = taken[refusal.index - 1];
    if (name !== undefined) throw nameRefusal(takenOf(name, account), 'conflict');
    return undefined;
  }

  return {
    apply: (userId, ifMatch, decide) =>
      untilWritten(async () => {
        const before = await present(userId, ifMatch);
        const { account, events, mails: told = [] } = await decide(before);
        if (events.length === 0) return before;
        const { taken, freed } = await movedNames(before, account);
        const prepared = mails.prepare(told);
        const more: BatchOperation[] = [
          ...taken.map((name) => reserveName(name, userId)),
          ...freed.map((id): BatchOperation => ({ op: 'remove', id })),
          ...(await standings.operations(before, account)),
          ...prepared.operations,
          ...events.map((event) => audit.operation(accountsPk, { ...event, target: { type: 'account', id: userId } })),
        ];
        const changed = { ...account, updated_at: isoTime(clock.now()) };
        try {
          const refusal = await accounts.replace(changed, more);
          if (refusal !== undefined) return judge(refusal, account, taken, ifMatch);
        } finally {
          // Also after no answer, when nobody knows whether it was written.
          states.forget(userId);
        }
        await prepared.send();
        // Read again, for its new version.
        return present(userId, undefined);
      }),

    remove: (userId, ifMatch, by) =>
      untilWritten(async () => {
        const before = await present(userId, ifMatch);
        const belongings = namesFirst(before, await users.belongings(userId));
        const removed = audit.operation(accountsPk, {
          by,
          action: 'account.deleted',
          target: { type: 'account', id: userId },
          detail: { role: before.role },
        });
        const remains = {
          id: userId,
          pk: 'accounts' as const,
          type: 'former_user' as const,
          schema_version: 1 as const,
          former_user_id: userId,
          created_at: before.created_at,
          deleted_at: isoTime(clock.now()),
        };
        try {
          const refusal = await users.bury(before, remains, [
            ...belongings.slice(0, belongingsPerBatchMax).map((id): BatchOperation => ({ op: 'remove', id })),
            ...(await standings.operations(before, undefined)),
            removed,
          ]);
          if (refusal?.index === 0 && ifMatch !== undefined) throw new AppError('precondition_failed');
          if (refusal !== undefined) return undefined;
        } finally {
          states.forget(userId);
        }
        await users.removeAll(belongings.slice(belongingsPerBatchMax));
        return true;
      }).then(() => undefined),
  };
}
