import type { Principal } from '../platform/define-endpoint.ts';
import type { AccountNotices } from './account-notices.ts';
import { toUser } from './account-rules.ts';
import type { AccountWrites } from './account-writes.ts';
import type { User } from './schemas.ts';
import { changesEmail, withFields } from './user-change-rules.ts';
import type { LearningProfileUpdate, ProfileUpdate } from './user-schemas.ts';

/** What people do with their own accounts. */
export interface ProfileService {
  /** Throws `precondition_failed`, `username_in_use`, `email_in_use`, and `step_up_required` for a new address. */
  update(user: Principal, input: ProfileUpdate, ifMatch: string | undefined): Promise<User>;
  setLearningProfile(user: Principal, profile: LearningProfileUpdate): Promise<void>;
  /** Throws `last_administrator`. */
  remove(user: Principal): Promise<undefined>;
}

export function createProfileService(deps: {
  writes: AccountWrites;
  assertFresh: (user: Principal) => Promise<void>;
  notices: Pick<AccountNotices, 'ofNewEmail'>;
}): ProfileService {
  const { writes, assertFresh, notices } = deps;

  return {
    async update(user, { is_active: _isActive, ...fields }, ifMatch) {
      const changed = await writes.apply(user.user_id, ifMatch, async (present) => {
        const isNewEmail = changesEmail(present, fields);
        if (isNewEmail) await assertFresh(user);
        const { account, changed: names } = withFields(present, fields);
        if (names.length === 0) return { account, events: [] };
        const mails = isNewEmail ? notices.ofNewEmail(user, present, account) : [];
        return { account, events: [{ by: user, action: 'account.changed', detail: { fields: names } }], mails };
      });
      return toUser(changed);
    },

    async setLearningProfile(user, { learning_profile }) {
      await writes.apply(user.user_id, undefined, (present) => {
        const { account, changed } = withFields(present, { learning_profile });
        const event = { by: user, action: 'account.changed' as const, detail: { fields: changed } };
        return { account, events: changed.length === 0 ? [] : [event] };
      });
    },

    remove: (user) => writes.remove(user.user_id, undefined, user),
  };
}
