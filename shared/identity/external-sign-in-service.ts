import type { ExternalIdentity } from '../adapters/sign-in/types.ts';
import type { AuditRecorder } from '../audit/record.ts';
import { type Clock, isoTime } from '../platform/clock.ts';
import type { Caller } from '../platform/define-endpoint.ts';
import { AppError } from '../platform/errors.ts';
import type { Ids } from '../platform/ids.ts';
import { untilWritten } from '../platform/optimistic.ts';
import { newAccount } from './account-documents.ts';
import { namesOf } from './account-names-rules.ts';
import type { AccountStates } from './account-states.ts';
import { type Accounts, accountsPk, reserveExternal } from './accounts-repository.ts';
import type { AccountsService } from './accounts-service.ts';
import { decideStranger, provenEmail, usernameFor } from './external-rules.ts';
import type { SignInCallback, SignInStart } from './external-schemas.ts';
import type { SignInProvider, UserDocument } from './schemas.ts';
import type { SignInAnswer } from './session-schemas.ts';
import type { SignInService } from './sign-in-service.ts';
import type { SignInRoundTrip } from './sign-in-transactions.ts';
import type { Standings } from './standing.ts';

export interface ExternalSignInService {
  /** Throws `not_found`, `provider_unavailable`. */
  begin(provider: string): Promise<SignInStart>;
  /**
   * Throws `not_found`, `sign_in_refused`, `provider_unavailable`, `link_required` (there is an account with the address, and
   * its holder has to link it), `registration_closed`, `inactive_user`.
   */
  complete(provider: string, callback: SignInCallback, caller: Caller): Promise<SignInAnswer>;
}

const usernameTriesMax = 4;

const linkRequired = () =>
  new AppError(
    'link_required',
    'There is an account with this address. Log in to it with its password, and link the provider there.',
  );

export function createExternalSignInService(deps: {
  roundTrip: SignInRoundTrip;
  accounts: Accounts;
  accountsService: Pick<AccountsService, 'ensureAdministrator'>;
  standings: Standings;
  states: Pick<AccountStates, 'forget'>;
  signIn: Pick<SignInService, 'complete'>;
  audit: AuditRecorder;
  clock: Clock;
  ids: Ids;
  registration: { isOpen: boolean; role: string };
}): ExternalSignInService {
  const { roundTrip, accounts, accountsService, standings, states, signIn, audit, clock, ids, registration } = deps;

  const event = (action: 'account.created' | 'account.login_linked', userId: string, caller: Caller, detail: object) =>
    audit.operation(accountsPk, {
      by: { anonymous: caller },
      action,
      target: { type: 'account', id: userId },
      detail: { ...detail },
    });

  const loginOf = (provider: SignInProvider, { subject, email }: ExternalIdentity) => ({
    provider,
    subject,
    email,
    linked_at: isoTime(clock.now()),
  });

  /** Undefined when the account has changed or somebody else was first. */
  async function link(account: UserDocument, provider: SignInProvider, identity: ExternalIdentity, caller: Caller) {
    // It is refused by what follows, and stays as it is.
    if (account.status !== 'active') return account;
    const before = account.external_logins.find((login) => login.provider === provider);
    // Somebody was first who is the same person.
    if (before?.subject === identity.subject) return account;
    // One account at each provider: whoever has another one there takes that out first.
    if (before !== undefined) throw linkRequired();
    const login = loginOf(provider, identity);
    const linked = {
      ...account,
      external_logins: [...account.external_logins, login],
      updated_at: login.linked_at,
    };
    const refusal = await accounts.replace(linked, [
      reserveExternal(login, account.user_id),
      event('account.login_linked', account.user_id, caller, { provider }),
    ]);
    if (refusal !== undefined) return undefined;
    states.forget(account.user_id);
    return accounts.find(account.user_id);
  }

  /** Undefined when somebody else was first. */
  async function register(provider: SignInProvider, identity: ExternalIdentity, caller: Caller) {
    const login = loginOf(provider, identity);
    const email = provenEmail(identity);
    for (let try_ = 0; try_ < usernameTriesMax; try_ += 1) {
      const userId = ids.next();
      const user = newAccount({
        user_id: userId,
        username: usernameFor(identity.username, userId, try_),
        email,
        is_verified: email !== null,
        full_name: identity.name,
        role: registration.role,
        created_at: login.linked_at,
        updated_at: login.linked_at,
        password_hash: null,
        external_logins: [login],
      });
      const taken = await accounts.create(user, namesOf(user), [
        reserveExternal(login, userId),
        ...(await standings.operations(undefined, user)),
        event('account.created', userId, caller, { role: user.role, provider }),
        event('account.login_linked', userId, caller, { provider }),
      ]);
      if (taken === undefined) return user;
      // The address or the person got an account in between, or the roles changed: that is found when all of this is tried again.
      if (taken === 'more' || taken.kind === 'email') return undefined;
    }
    return undefined;
  }

  async function accountOf(provider: SignInProvider, identity: ExternalIdentity, caller: Caller) {
    const known = await accounts.findByExternal({ provider, subject: identity.subject });
    if (known !== undefined) return known;
    const email = provenEmail(identity);
    const sameAddress = email === null ? undefined : await accounts.findByName({ kind: 'email', name: email });
    const decision = decideStranger(sameAddress, registration.isOpen);
    if (decision === 'link' && sameAddress !== undefined) return link(sameAddress, provider, identity, caller);
    if (decision === 'register') return register(provider, identity, caller);
    if (decision === 'link_required') throw linkRequired();
    throw new AppError(
      'registration_closed',
      'No account is linked to this sign-in. Log in to yours and link the provider there, or ask for an account.',
    );
  }

  return {
    begin: (provider) => roundTrip.begin(provider, null),

    async complete(name, callback, caller) {
      const { provider, identity } = await roundTrip.end(name, callback, null);
      // The name of the first administrator is taken before anybody else can have it.
      await accountsService.ensureAdministrator();
      const account = await untilWritten(() => accountOf(provider, identity, caller));
      return signIn.complete(account, caller, [provider]);
    },
  };
}
