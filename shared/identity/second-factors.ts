import { createFactorProofs } from './factor-proofs.ts';
import { createFactorSetup } from './factor-setup.ts';
import { createPasskeyChallenges } from './passkey-challenges.ts';
import { createPasskeysService, type PasskeysService } from './passkeys-service.ts';
import { createSecondFactorLogInService, type SecondFactorLogInService } from './second-factor-log-in-service.ts';
import { createSecondFactorService, type SecondFactorService } from './second-factor-service.ts';
import { createStepUpService, type StepUpService } from './step-up-service.ts';

/** What handlers get for second factors, passkeys and fresh proofs. */
export interface SecondFactors {
  secondFactor: SecondFactorService;
  secondFactorLogIn: SecondFactorLogInService;
  passkeys: PasskeysService;
  stepUp: StepUpService;
}

type Given<T extends (deps: never) => unknown> = Parameters<T>[0];
type Made = 'proofs' | 'factorSetup' | 'passkeyChallenges' | 'passkeys' | 'assertFresh';

/** Puts the services for second factors together; what they share is made here once. */
export function createSecondFactors(
  deps: Omit<
    Given<typeof createFactorProofs> &
      Given<typeof createFactorSetup> &
      Given<typeof createPasskeyChallenges> &
      Given<typeof createPasskeysService> &
      Given<typeof createSecondFactorService> &
      Given<typeof createSecondFactorLogInService> &
      Given<typeof createStepUpService>,
    Made
  >,
): SecondFactors {
  const passkeyChallenges = createPasskeyChallenges(deps);
  const proofs = createFactorProofs({ ...deps, passkeyChallenges });
  const stepUp = createStepUpService({ ...deps, proofs });
  const factorSetup = createFactorSetup({ ...deps, assertFresh: stepUp.assertFresh });
  const passkeys = createPasskeysService({ ...deps, proofs, factorSetup, passkeyChallenges });
  return {
    stepUp,
    passkeys,
    secondFactor: createSecondFactorService({ ...deps, proofs, factorSetup }),
    secondFactorLogIn: createSecondFactorLogInService({ ...deps, proofs, passkeys }),
  };
}
