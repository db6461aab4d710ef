import type { Logger } from './logging.ts';
import { withMeter } from './meter.ts';

/** Work that no request waits for. */
export interface Background {
  /** There is something to do: it is done within the interval, once for all that comes until then. */
  wake(): void;
  /** Does at once what is left, and nothing from then on. */
  close(): Promise<void>;
}

/**
 * Calls `work` at most once per interval, and only after somebody has asked for it, so that an idle instance may be stopped.
 * What it costs is on no request's account. `work` says whether there is more to do, and
 * is told when it is asked for the last time.
 */
export function createBackground(options: {
  name: string;
  everyMs: number;
  logger: Logger;
  work(isLast: boolean): Promise<boolean>;
}): Background {
  const { name, everyMs, logger, work } = options;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  let isClosed = false;

  async function run(): Promise<void> {
    let hasMore = true;
    try {
      hasMore = await withMeter(() => work(isClosed));
    } catch (error) {
      logger.warn('background_failed', { operation: name, error });
    }
    if (hasMore) wake();
  }

  function wake(): void {
    if (isClosed || timer !== undefined) return;
    timer = setTimeout(() => {
      timer = undefined;
      running = run();
    }, everyMs);
    timer.unref();
  }

  return {
    wake,
    async close() {
      isClosed = true;
      clearTimeout(timer);
      await running;
      await run();
    },
  };
}
