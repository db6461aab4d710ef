import type { ComponentsService } from '../assessment/components-service.ts';
import type { EnrolmentService } from '../assessment/enrolment-service.ts';
import type { AccountsService } from '../identity/accounts-service.ts';
import { type AccountChangesService, createAccountChangesService } from '../identity/changes-service.ts';
import { createInvitationCourses } from '../identity/invitation-courses.ts';
import { createInvitations } from '../identity/invitations-repository.ts';
import { createInvitationsService, type InvitationsService } from '../identity/invitations-service.ts';
import { createRegistrationService, type RegistrationService } from '../identity/registration-service.ts';
import type { AssertMayGive } from '../identity/role-giving.ts';
import type { SignInService } from '../identity/sign-in-service.ts';
import type { AccountParts } from './accounts.ts';
import type { Foundation } from './foundation.ts';

export interface RegistrationServices {
  accountChanges: AccountChangesService;
  invitations: InvitationsService;
  registration: RegistrationService;
}

/** The ways to an account of one's own: registering, or being invited, into courses too. */
export function createRegistration(
  { config, clock, logger, cosmos, dispatcher, audit, mails }: Foundation,
  deps: {
    people: AccountParts;
    accountsService: AccountsService;
    signIn: SignInService;
    assertMayGive: AssertMayGive;
    components: ComponentsService;
    enrolment: EnrolmentService;
  },
): RegistrationServices {
  const { people, accountsService, signIn, assertMayGive, components, enrolment } = deps;
  const { accounts, maker, states, roles, oneTimeTokens, emailVerification, appUrl } = people;
  const invitations = createInvitationsService({
    invitations: createInvitations(cosmos.container('identity')),
    accounts,
    maker,
    states,
    roles,
    assertMayGive,
    courses: createInvitationCourses({ components, enrolment, states, roles, logger }),
    tokens: oneTimeTokens,
    verification: emailVerification,
    mails,
    audit,
    clock,
    logger,
    settings: { policy: config.REGISTRATION_POLICY, days: config.INVITATION_DAYS, appUrl },
  });
  return {
    invitations,
    accountChanges: createAccountChangesService({ dispatcher, invitations }),
    registration: createRegistrationService({
      accounts,
      accountsService,
      maker,
      roles,
      invitations,
      verification: emailVerification,
      mails,
      signIn,
      settings: { policy: config.REGISTRATION_POLICY, role: config.REGISTRATION_ROLE },
    }),
  };
}
