import type { Caller, Principal } from '../platform/define-endpoint.ts';
import { AppError } from '../platform/errors.ts';
import type { Credential } from '../platform/runtime.ts';
import { isSessionOn } from './account-rules.ts';
import type { AccountState, AccountStates } from './account-states.ts';
import type { AccessTokens } from './tokens.ts';

const wrong = (detail = 'Could not validate credentials') => new AppError('unauthenticated', detail);

/** The person behind an account, as seen through one way of proving it. */
export function toPrincipal({ account, permissions }: AccountState, caller: Caller, via: Principal['via']): Principal {
  const { user_id, username, email, full_name, role, tier } = account;
  return { user_id, username, email, full_name, role, tier, permissions, via, caller };
}

/** What is known of API keys here: which texts are some, and whom they speak for. */
export interface KeyAuthentication {
  isKey(text: string): boolean;
  authenticate(text: string, caller: Caller): Promise<Principal>;
}

/** Turns a credential into the person behind it; throws `unauthenticated`. */
export function createAuthenticate(deps: { tokens: AccessTokens; states: AccountStates; keys: KeyAuthentication }) {
  const { tokens, states, keys } = deps;

  return async (credential: Credential, caller: Caller): Promise<Principal> => {
    if (credential.kind === 'api_key' || keys.isKey(credential.value))
      return keys.authenticate(credential.value, caller);
    const subject = await tokens.verify(credential.value);
    const state = await states.of(subject.user_id);
    if (state === undefined) throw wrong();
    // Asked first: ending an account ends its sessions, and people should be told why they are out.
    if (state.account.status !== 'active') throw wrong('Inactive user');
    if (!isSessionOn(state.account, subject)) throw wrong();
    return toPrincipal(state, caller, { kind: 'session', session_id: subject.session_id });
  };
}
