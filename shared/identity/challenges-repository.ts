import type { Container } from '../adapters/cosmos/container.ts';
import { CosmosError } from '../adapters/cosmos/errors.ts';
import type { PasskeyChallengeDocument, PendingLogInDocument } from './factor-schemas.ts';

/** Questions that wait a few minutes for an answer; the database forgets them by itself. */
export interface Challenges {
  createLogIn(logIn: PendingLogInDocument): Promise<void>;
  findLogIn(id: string): Promise<PendingLogInDocument | undefined>;
  /** False when somebody else wrote since it was read, or used it. */
  replaceLogIn(logIn: PendingLogInDocument): Promise<boolean>;
  createPasskeyChallenge(challenge: PasskeyChallengeDocument): Promise<void>;
  findPasskeyChallenge(id: string): Promise<PasskeyChallengeDocument | undefined>;
  /** True for exactly one of those who use it at the same time. */
  use(id: string): Promise<boolean>;
}

export function createChallenges(container: Container): Challenges {
  return {
    async createLogIn(logIn) {
      await container.create(logIn, logIn.pk);
    },
    findLogIn: (id) => container.read<PendingLogInDocument>(id, id),
    async replaceLogIn({ _etag: etag = '', ...logIn }) {
      try {
        await container.replace(logIn, logIn.pk, etag);
        return true;
      } catch (error) {
        if (error instanceof CosmosError && (error.status === 404 || error.status === 412)) return false;
        throw error;
      }
    },
    async createPasskeyChallenge(challenge) {
      await container.create(challenge, challenge.pk);
    },
    findPasskeyChallenge: (id) => container.read<PasskeyChallengeDocument>(id, id),
    use: (id) => container.remove(id, id),
  };
}
