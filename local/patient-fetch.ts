import { setTimeout as sleep } from 'node:timers/promises';

const triesMax = 5;
const waitMaxS = 15;

/** `fetch` as a careful client uses it: it comes back later when it is told to. */
export async function patientFetch(input: Parameters<typeof fetch>[0], init: RequestInit = {}): Promise<Response> {
  for (let attempt = 1; ; attempt += 1) {
    const response = await fetch(input, init);
    const mayRepeat = (response.status === 429 || response.status === 503) && attempt < triesMax;
    if (!mayRepeat) return response;
    await response.body?.cancel();
    const waitMs = Math.min(Number(response.headers.get('retry-after') ?? 1), waitMaxS) * 1000;
    await sleep(waitMs, undefined, init.signal ? { signal: init.signal } : {});
  }
}
