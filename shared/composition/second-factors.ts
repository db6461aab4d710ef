import { createOneTimeCodes } from '../adapters/one-time-codes/totp.ts';
import { createPasskeyCeremonies } from '../adapters/passkeys/ceremonies.ts';
import type { Passwords } from '../adapters/passwords/pool.ts';
import { createFactorChanges } from '../identity/factor-changes.ts';
import { createFactorProofs } from '../identity/factor-proofs.ts';
import { createFactorSetup } from '../identity/factor-setup.ts';
import { createFactors } from '../identity/factors-repository.ts';
import { createPasskeyChallenges } from '../identity/passkey-challenges.ts';
import { createPasskeysService, type PasskeysService } from '../identity/passkeys-service.ts';
import type { PendingLogIns } from '../identity/pending-log-ins.ts';
import {
  createSecondFactorLogInService,
  type SecondFactorLogInService,
} from '../identity/second-factor-log-in-service.ts';
import { createSecondFactorService, type SecondFactorService } from '../identity/second-factor-service.ts';
import type { SessionsService } from '../identity/sessions-service.ts';
import { createShortLived } from '../identity/short-lived-repository.ts';
import type { SignInService } from '../identity/sign-in-service.ts';
import { createStepUpService, type StepUpService } from '../identity/step-up-service.ts';
import { createSecretBox } from '../platform/secret-box.ts';
import type { AccountParts } from './accounts.ts';
import type { Foundation } from './foundation.ts';

export interface SecondFactorServices {
  secondFactor: SecondFactorService;
  secondFactorLogIn: SecondFactorLogInService;
  passkeys: PasskeysService;
  stepUp: StepUpService;
}

/** What proves anew who somebody is. Signing in needs it, because whoever makes administrators must prove it. */
export function createFactorParts(
  { config, clock, keyOf, cosmos, audit }: Foundation,
  deps: { people: AccountParts; passwords: Passwords; sessions: SessionsService },
) {
  const { passwords, sessions } = deps;
  const { accounts } = deps.people;
  const frontEnd = new URL(config.APP_URL);
  const factors = createFactors(cosmos.container('identity'));
  const codes = createOneTimeCodes();
  const secretBox = createSecretBox({ key: keyOf('second factor') });
  const ceremonies = createPasskeyCeremonies({
    rpId: config.PASSKEY_RP_ID ?? frontEnd.hostname,
    origins: [frontEnd.origin, ...config.CORS_ORIGINS],
  });
  const passkeyChallenges = createPasskeyChallenges({
    challenges: createShortLived(cosmos.container('platform')),
    ceremonies,
    clock,
  });
  const shared = { factors, passkeyChallenges, ceremonies, codes, secretBox };
  const proofs = createFactorProofs({ ...shared, passwords, audit, clock });
  return { ...shared, proofs, stepUp: createStepUpService({ accounts, proofs, sessions }) };
}

/** Second factors and passkeys: setting them up, and logging in with them. */
export function createSecondFactors(
  { config, clock, audit, mails }: Foundation,
  deps: {
    people: AccountParts;
    parts: ReturnType<typeof createFactorParts>;
    pendingLogIns: PendingLogIns;
    signIn: SignInService;
  },
): SecondFactorServices {
  const { parts, pendingLogIns, signIn } = deps;
  const { accounts, states, notices } = deps.people;
  const { proofs, stepUp } = parts;
  const factorSetup = createFactorSetup({ accounts, pendingLogIns, signIn, assertFresh: stepUp.assertFresh });
  const requiredRoles = config.MFA_REQUIRED_ROLES;
  const changes = createFactorChanges({ accounts, states, factors: parts.factors, audit, notices, mails, clock });
  const common = { ...parts, accounts, factorSetup, changes, clock, requiredRoles };
  const passkeys = createPasskeysService({ ...common, signIn });
  return {
    stepUp,
    passkeys,
    secondFactor: createSecondFactorService(common),
    secondFactorLogIn: createSecondFactorLogInService({ accounts, pendingLogIns, proofs, passkeys, signIn }),
  };
}
