import { DeployError, messageOf } from './failure.ts';
import { outputsOf, pause, type Run } from './run.ts';

/** Waits until the product itself says that it and all it needs are ready. */
export async function waitUntilReady(run: Run): Promise<string> {
  const url = `${outputsOf(run).apiUrl}/health/ready`;
  const startedMs = performance.now();
  let last = 'no answer';
  while (performance.now() - startedMs < run.pace.readyLimitMs) {
    try {
      const response = await fetch(url, { signal: AbortSignal.any([run.signal, AbortSignal.timeout(30_000)]) });
      if (response.status === 200) return url;
      last = `${response.status} ${(await response.text()).replace(/\s+/g, ' ').slice(0, 300)}`;
    } catch (error) {
      last = messageOf(error);
    }
    await pause(run, run.pace.pollMs);
  }
  throw new DeployError(
    `${url} is not ready (${last}). Look at the log of the app in the portal (Log stream), then run the same command again.`,
  );
}
