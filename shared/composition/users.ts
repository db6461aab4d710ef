import type { Passwords } from '../adapters/passwords/pool.ts';
import type { AccountsService } from '../identity/accounts-service.ts';
import { type CredentialsService, createCredentialsService } from '../identity/credentials-service.ts';
import type { EmailVerificationService } from '../identity/email-verification-service.ts';
import type { LogInThrottle } from '../identity/login-throttle-service.ts';
import { createProfileService, type ProfileService } from '../identity/profile-service.ts';
import type { AssertMayGive } from '../identity/role-giving.ts';
import { createRolesService, type RolesService } from '../identity/roles-service.ts';
import type { StepUpService } from '../identity/step-up-service.ts';
import { createUsersService, type UsersService } from '../identity/users-service.ts';
import type { AccountParts } from './accounts.ts';
import type { Foundation } from './foundation.ts';

export interface UserServices {
  credentials: CredentialsService;
  emailVerification: EmailVerificationService;
  users: UsersService;
  profiles: ProfileService;
  roles: RolesService;
}

/** What people change about their own accounts, and administrators about those of others. */
export function createUserServices(
  { clock, audit, mails }: Foundation,
  deps: {
    people: AccountParts;
    passwords: Passwords;
    accountsService: AccountsService;
    throttle: LogInThrottle;
    assertMayGive: AssertMayGive;
    assertFresh: StepUpService['assertFresh'];
  },
): UserServices {
  const { people, passwords, accountsService, throttle, assertMayGive, assertFresh } = deps;
  const { accounts, users, states, links, notices, writes, appUrl, emailVerification } = people;
  return {
    credentials: createCredentialsService({
      accounts,
      states,
      links,
      passwords,
      throttle,
      mails,
      notices,
      audit,
      clock,
      appUrl,
    }),
    emailVerification,
    users: createUsersService({
      accounts,
      users,
      accountsService,
      writes,
      assertMayGive,
      assertFresh,
      passwords,
      notices,
    }),
    profiles: createProfileService({ writes, assertFresh, notices }),
    roles: createRolesService({ documents: people.roleDocuments, roles: people.roles, audit, clock }),
  };
}
