import { createHash, randomBytes } from 'node:crypto';
import { type Clock, isoTime } from '../platform/clock.ts';
import { AppError } from '../platform/errors.ts';
import { untilWritten } from '../platform/optimistic.ts';
import { methodsOf } from './factor-rules.ts';
import type { PendingLogInDocument } from './factor-schemas.ts';
import type { UserDocument } from './schemas.ts';
import type { MfaChallenge, Proof } from './session-schemas.ts';
import type { ShortLived } from './short-lived-repository.ts';

const lifetimeMs = 300_000;
const triesMax = 5;

/**
 * Log-ins that wait for their second factor. The `mfa_token` is random text and its hash is what is stored: it is no access
 * token, and no access token is one.
 */
export interface PendingLogIns {
  open(account: UserDocument, proofs: readonly Proof[]): Promise<MfaChallenge>;
  /** Throws `unauthenticated` when there is none (any more). */
  read(token: string): Promise<PendingLogInDocument>;
  /** The same for who is about to try a factor, of which there are five, however many come at once. */
  readForTry(token: string): Promise<PendingLogInDocument>;
  /** Of all that come with the same one, one gets past this; throws `unauthenticated` for the others. */
  use(logIn: PendingLogInDocument): Promise<void>;
}

/** What is said of a log-in that cannot be completed (any more), whatever the reason. */
export function logInIsOver(): AppError {
  return new AppError('unauthenticated', 'This log-in has expired or was used; start again');
}

export function createPendingLogIns(deps: { logIns: ShortLived<PendingLogInDocument>; clock: Clock }): PendingLogIns {
  const { logIns, clock } = deps;
  const idOf = (token: string) => `log-in:${createHash('sha256').update(token).digest('base64url')}`;

  async function read(token: string): Promise<PendingLogInDocument> {
    const found = await logIns.find(idOf(token));
    if (found === undefined || Date.parse(found.expires_at) <= clock.now()) throw logInIsOver();
    return found;
  }

  return {
    async open(account, proofs) {
      const token = `mfa_${randomBytes(32).toString('base64url')}`;
      const id = idOf(token);
      await logIns.create({
        id,
        pk: id,
        type: 'pending_log_in',
        schema_version: 1,
        user_id: account.user_id,
        session_version: account.session_version,
        proofs,
        tries: 0,
        expires_at: isoTime(clock.now() + lifetimeMs),
        ttl: lifetimeMs / 1000,
      });
      return {
        mfa_required: true,
        mfa_token: token,
        methods: methodsOf(account),
        expires_in: lifetimeMs / 1000,
      };
    },
    read,
    readForTry: (token) =>
      untilWritten(async () => {
        const found = await read(token);
        if (found.tries >= triesMax) throw logInIsOver();
        const counted = { ...found, tries: found.tries + 1 };
        return (await logIns.replace(counted)) ? counted : undefined;
      }),
    async use(logIn) {
      if (!(await logIns.use(logIn.id))) throw logInIsOver();
    },
  };
}
