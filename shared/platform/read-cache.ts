import { LRUCache } from 'lru-cache';
import type { Clock } from './clock.ts';

/** What was read a short while ago, and that there was nothing to read. */
export interface ReadCache<T> {
  of(key: string): Promise<T | undefined>;
  /** The next `of` reads again; a read that is under way is not remembered either. */
  forget(key: string): void;
}

interface Remembered<T> {
  value: T | undefined;
  atMs: number;
}

/**
 * Remembers reads for `cacheMs`; several calls for the same thing at once are one read. What is there and what is not have
 * their own room, so that asking for many things that do not exist pushes nothing out. With `cacheMs` 0 everybody reads.
 */
export function createReadCache<T>(options: {
  clock: Clock;
  cacheMs: number;
  foundMax: number;
  missingMax: number;
  read(key: string): Promise<T | undefined>;
}): ReadCache<T> {
  const { clock, cacheMs, read } = options;
  const found = new LRUCache<string, Remembered<T>>({ max: options.foundMax });
  const missing = new LRUCache<string, Remembered<T>>({ max: options.missingMax });
  const underWay = new Map<string, Promise<T | undefined>>();

  function readAndRemember(key: string): Promise<T | undefined> {
    const atMs = clock.now();
    const reading: Promise<T | undefined> = read(key)
      .then((value) => {
        // Somebody who forgot the key in the meantime knows of a change that this read may have missed.
        if (underWay.get(key) === reading) {
          (value === undefined ? found : missing).delete(key);
          (value === undefined ? missing : found).set(key, { value, atMs });
        }
        return value;
      })
      .finally(() => {
        if (underWay.get(key) === reading) underWay.delete(key);
      });
    underWay.set(key, reading);
    return reading;
  }

  return {
    of(key) {
      if (cacheMs === 0) return read(key);
      const known = found.get(key) ?? missing.get(key);
      // A clock that jumped back must not keep an old state alive.
      if (known !== undefined && Math.abs(clock.now() - known.atMs) < cacheMs) return Promise.resolve(known.value);
      return underWay.get(key) ?? readAndRemember(key);
    },
    forget(key) {
      found.delete(key);
      missing.delete(key);
      underWay.delete(key);
    },
  };
}
