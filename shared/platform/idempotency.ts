import { createHash, createHmac } from 'node:crypto';
import type { Container } from '../adapters/cosmos/container.ts';
import { isConflict } from '../adapters/cosmos/errors.ts';
import type { Clock } from './clock.ts';
import { AppError } from './errors.ts';

/** What the first request answered, kept so that its repeats answer the same. */
export interface StoredAnswer {
  status: number;
  body: string;
  headers: Record<string, string>;
}

interface IdempotencyRecord {
  id: string;
  pk: string;
  type: 'idempotency';
  schema_version: 1;
  request_hash: string;
  new_id: string;
  started_at_ms: number;
  answer: StoredAnswer | null;
  ttl: number;
}

export interface IdempotentRequest {
  /** Who asks for what: user id and operation. */
  scope: string;
  /** The caller's `Idempotency-Key`. */
  key: string;
  /** Everything that makes the request what it is; a different one under the same key is refused. */
  fingerprint: string;
  newId: string;
  /** A first request that has not ended after this long has died with its instance. */
  longestMs: number;
}

export interface IdempotencyStore {
  /** Either the stored answer, or leave to run under `newId`, with `finish` and `abandon` to call afterwards. */
  begin(request: IdempotentRequest): Promise<
    | { replay: StoredAnswer }
    | {
        newId: string;
        finish(answer: StoredAnswer): Promise<void>;
        /** Forgets the request: it changed nothing. */
        abandon(): Promise<void>;
        /** Nobody knows whether the request changed anything: its next repeat runs at once, under the same `newId`. */
        release(): Promise<void>;
      }
  >;
}

const keptS = 24 * 60 * 60;
interface Claim {
  record: IdempotencyRecord;
  etag: string;
}

function inProgress(): AppError {
  return new AppError('idempotency_in_progress', undefined, { retryAfterS: 1 });
}

export function createIdempotencyStore(deps: { container: Container; clock: Clock; key: Buffer }): IdempotencyStore {
  const { container, clock, key } = deps;

  async function create(record: IdempotencyRecord): Promise<string | undefined> {
    try {
      return (await container.create(record, record.pk)).etag;
    } catch (error) {
      if (isConflict(error)) return undefined;
      throw error;
    }
  }

  /** The first run died: run again under its identifier, so that what it did create is found and not doubled. */
  async function takeOver(found: IdempotencyRecord & { _etag: string }): Promise<Claim> {
    const record = { ...found, started_at_ms: clock.now() };
    try {
      return { record, etag: (await container.replace(record, record.pk, found._etag)).etag };
    } catch (error) {
      throw isConflict(error) ? inProgress() : error;
    }
  }

  async function claim(record: IdempotencyRecord, longestMs: number): Promise<Claim> {
    const etag = await create(record);
    if (etag !== undefined) return { record, etag };
    const found = await container.read<IdempotencyRecord>(record.id, record.pk);
    // It was abandoned or expired in between.
    if (found === undefined) return claim(record, longestMs);
    if (found.request_hash !== record.request_hash) throw new AppError('idempotency_key_reused');
    if (found.answer !== null) return { record: found, etag: found._etag };
    if (Math.abs(clock.now() - found.started_at_ms) < longestMs) throw inProgress();
    return takeOver(found);
  }

  return {
    async begin(request) {
      const id = createHash('sha256').update(`${request.scope}\n${request.key}`).digest('hex');
      const fresh: IdempotencyRecord = {
        id,
        pk: id,
        type: 'idempotency',
        schema_version: 1,
        // Keyed, because a body may hold a password: nobody who reads the record can try passwords against it.
        request_hash: createHmac('sha256', key).update(request.fingerprint).digest('hex'),
        new_id: request.newId,
        started_at_ms: clock.now(),
        answer: null,
        ttl: keptS,
      };
      const claimed = await claim(fresh, request.longestMs);
      const { record, etag } = claimed;
      if (record.answer) return { replay: record.answer };
      return {
        newId: record.new_id,
        async finish(answer) {
          await container.replace({ ...record, answer }, record.pk, etag);
        },
        async abandon() {
          await container.remove(record.id, record.pk, etag);
        },
        async release() {
          await container.replace({ ...record, started_at_ms: 0 }, record.pk, etag);
        },
      };
    },
  };
}
