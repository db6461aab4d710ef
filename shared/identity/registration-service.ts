import type { MailOutbox } from '../mail/outbox.ts';
import type { Caller, Principal } from '../platform/define-endpoint.ts';
import type { AccountMaker } from './account-maker.ts';
import { toUser } from './account-rules.ts';
import type { Accounts } from './accounts-repository.ts';
import type { AccountsService } from './accounts-service.ts';
import type { EmailVerificationService } from './email-verification-service.ts';
import type { InvitationAcceptance, Registered, SelfRegistration } from './invitation-schemas.ts';
import type { AcceptanceContext, InvitationsService } from './invitations-service.ts';
import { assertMayRegister, type DuplicateStyle, nameRefusal, type RegistrationPolicy } from './registration-rules.ts';
import type { Roles } from './roles.ts';
import type { UserDocument } from './schemas.ts';
import type { Proof } from './session-schemas.ts';
import type { SignInService } from './sign-in-service.ts';
import { usernamesFor } from './username-rules.ts';

export interface RegistrationContext {
  /** Staff make accounts for others; everybody else makes their own. */
  user: Principal | undefined;
  caller: Caller;
  newId: string;
  duplicates: DuplicateStyle;
}

export interface RegistrationService {
  /**
   * An account for whoever asks, logged in, or by staff for somebody else. Throws `registration_closed`, `forbidden`,
   * `account_token_invalid`, `validation_failed`, and what is said of a name that is taken.
   */
  register(input: SelfRegistration, context: RegistrationContext): Promise<Registered>;
  /** The account that comes of an invitation, logged in; throws what `InvitationsService.accept` throws. */
  accept(input: InvitationAcceptance, caller: Caller, newId: string): Promise<Registered>;
}

export function createRegistrationService(deps: {
  accounts: Pick<Accounts, 'find'>;
  accountsService: Pick<AccountsService, 'createFor' | 'ensureAdministrator'>;
  maker: AccountMaker;
  roles: Pick<Roles, 'permissionsOf'>;
  invitations: Pick<InvitationsService, 'accept'>;
  verification: Pick<EmailVerificationService, 'mailsFor'>;
  mails: MailOutbox;
  signIn: Pick<SignInService, 'complete'>;
  settings: { policy: RegistrationPolicy; role: string };
}): RegistrationService {
  const { accounts, accountsService, maker, roles, invitations, verification, mails, signIn, settings } = deps;

  async function loggedIn(account: UserDocument, caller: Caller, proofs: readonly Proof[]): Promise<Registered> {
    return { ...toUser(account), ...(await signIn.complete(account, caller, proofs)) };
  }

  async function accept(input: InvitationAcceptance, context: AcceptanceContext): Promise<Registered> {
    // Nobody takes the name of the first administrator before that account is made.
    await accountsService.ensureAdministrator();
    return loggedIn(await invitations.accept(input, context), context.caller, ['invitation']);
  }

  /** The account of somebody who was not invited. */
  async function makeOwn(input: SelfRegistration, { caller, newId, duplicates }: RegistrationContext) {
    assertMayRegister(settings, input, await roles.permissionsOf(settings.role));
    const request = { ...personOf(input, newId), user_id: newId, role: settings.role };
    const told = mails.prepare(verification.mailsFor(request));
    const made = await maker.make(request, { anonymous: caller }, told.operations);
    if (!('taken' in made)) {
      await told.send();
      return made.user;
    }
    // A repeat of a request that died after it had made the account: the account is the answer.
    const known = await accounts.find(newId);
    if (known !== undefined) return known;
    if (made.taken === 'more') throw new Error('What goes with a new account was refused.');
    throw nameRefusal(made.taken, duplicates);
  }

  return {
    async register(input, context) {
      const { user, caller, newId } = context;
      const { invitation_token: token, role } = input;
      if (user?.permissions.has('account:create')) {
        const request = { ...personOf(input, newId), role: role ?? 'student' };
        return toUser(await accountsService.createFor(user, request, newId, context.duplicates));
      }
      if (token !== undefined) return accept({ ...input, token }, context);
      await accountsService.ensureAdministrator();
      return loggedIn(await makeOwn(input, context), caller, ['password']);
    },
    accept: (input, caller, newId) => accept(input, { caller, newId, duplicates: 'conflict' }),
  };
}

/** What somebody says about themselves; without a username they get one made from their address. */
function personOf(input: SelfRegistration, newId: string) {
  const { email, username, full_name, name, first_name, last_name, password } = input;
  const usernames = username === undefined ? usernamesFor(email, newId) : [username];
  return { email, usernames, full_name: full_name ?? name, first_name, last_name, password };
}
