import type { PasskeyCeremonies } from '../adapters/passkeys/ceremonies.ts';
import { type Clock, isoTime } from '../platform/clock.ts';
import type { PasskeyChallengeDocument, PasskeyPurpose } from './factor-schemas.ts';
import type { ShortLived } from './short-lived-repository.ts';

const lifetimeMs = 300_000;

/** Questions to authenticators: each is good once, for a few minutes, and only for what it was asked for. */
export interface PasskeyChallenges {
  open(purpose: PasskeyPurpose, userId: string | null): Promise<string>;
  /** The challenge that the answer names, which is used up by this; undefined when it is not one for this purpose and person. */
  use(
    response: { response: { clientDataJSON: string } },
    purpose: PasskeyPurpose,
    userId: string | null,
  ): Promise<string | undefined>;
}

export function createPasskeyChallenges(deps: {
  challenges: ShortLived<PasskeyChallengeDocument>;
  ceremonies: Pick<PasskeyCeremonies, 'newChallenge' | 'challengeOf'>;
  clock: Clock;
}): PasskeyChallenges {
  const { challenges, ceremonies, clock } = deps;
  const idOf = (challenge: string) => `passkey:${challenge}`;

  return {
    async open(purpose, userId) {
      const challenge = ceremonies.newChallenge();
      const id = idOf(challenge);
      await challenges.create({
        id,
        pk: id,
        type: 'passkey_challenge',
        schema_version: 1,
        purpose,
        user_id: userId,
        expires_at: isoTime(clock.now() + lifetimeMs),
        ttl: lifetimeMs / 1000,
      });
      return challenge;
    },
    async use(response, purpose, userId) {
      const challenge = ceremonies.challengeOf(response);
      if (challenge === undefined) return undefined;
      const found = await challenges.find(idOf(challenge));
      // One that is for something else stays good for that.
      if (found === undefined || found.purpose !== purpose || found.user_id !== userId) return undefined;
      if (!(await challenges.use(found.id)) || Date.parse(found.expires_at) <= clock.now()) return undefined;
      return challenge;
    },
  };
}
