import type { Container } from '../adapters/cosmos/container.ts';
import { isConflict } from '../adapters/cosmos/errors.ts';

/** Failed log-ins under one key, in a logical partition of its own; the database forgets it when it says nothing any more. */
export interface LogInCounter {
  id: string;
  pk: string;
  type: 'log_in_counter';
  schema_version: 1;
  failures: number;
  failed_at_ms: number;
  ttl: number;
  _etag?: string;
}

export interface LogInCounters {
  find(key: string): Promise<LogInCounter | undefined>;
  /** Writes it over the version that was read; returns false when it has changed since. */
  tryWrite(key: string, count: Pick<LogInCounter, 'failures' | 'failed_at_ms' | 'ttl' | '_etag'>): Promise<boolean>;
  remove(key: string): Promise<void>;
}

export function createLogInCounters(container: Container): LogInCounters {
  return {
    find: (key) => container.read<LogInCounter>(key, key),
    async tryWrite(key, { _etag: etag, ...count }) {
      const doc: LogInCounter = { id: key, pk: key, type: 'log_in_counter', schema_version: 1, ...count };
      try {
        await (etag === undefined ? container.create(doc, key) : container.replace(doc, key, etag));
        return true;
      } catch (error) {
        if (isConflict(error)) return false;
        throw error;
      }
    },
    async remove(key) {
      await container.remove(key, key);
    },
  };
}
