import { afterAll, beforeAll, expect, test } from 'vitest';
import containers from '../../infra/containers.json' with { type: 'json' };
import { startCosmos } from '../../local/cosmos/server.ts';
import { createCosmos } from '../../shared/adapters/cosmos/client.ts';
import { createLogInCounters } from '../../shared/identity/login-counters-repository.ts';
import { createLogInThrottle } from '../../shared/identity/login-throttle-service.ts';
import { createIds } from '../../shared/platform/ids.ts';
import { movableClock } from '../movable-clock.ts';

const clock = movableClock();
let server: Awaited<ReturnType<typeof startCosmos>>;
let cosmos: ReturnType<typeof createCosmos>;
beforeAll(async () => {
  server = await startCosmos({ port: 0, dataDir: ':memory:', definition: containers });
  const { endpoint, key } = server;
  cosmos = createCosmos({ endpoint, key, database: containers.database, meter: () => undefined });
});
afterAll(async () => {
  await cosmos.close();
  await server.close();
});

test('a try that has read the count before the last failure was written does not slip through', async () => {
  const real = createLogInCounters(cosmos.container('platform'));
  /** Holds back what the next read has found. */
  let hold: Promise<void> | undefined;
  const throttle = createLogInThrottle({
    counters: {
      ...real,
      async find(key) {
        const until = hold;
        hold = undefined;
        const found = await real.find(key);
        await until;
        return found;
      },
    },
    clock,
    ids: createIds(clock),
    logger: { warn: () => undefined },
    key: Buffer.alloc(32),
    scale: 1,
  });
  const caller = { request_id: 'x', address: 'unknown', user_agent: null, origin: null, place_id: null };
  const what = { name: 'ann', caller, deviceToken: undefined, userId: 'ann' };
  const wrong = () => Promise.resolve(false);
  for (let i = 0; i < 4; i += 1) expect(await throttle.attempt(what, wrong)).toBe(false);

  const password = Promise.withResolvers<boolean>();
  const fifth = throttle.attempt(what, () => password.promise);
  const read = Promise.withResolvers<void>();
  hold = read.promise;
  let isTried = false;
  const sixth = throttle.attempt(what, () => {
    isTried = true;
    return Promise.resolve(true);
  });
  await expect.poll(() => hold).toBeUndefined();
  password.resolve(false);
  expect(await fifth).toBe(false);
  read.resolve();
  await expect(sixth).rejects.toMatchObject({ code: 'rate_limited', retryAfterS: 1 });
  expect(isTried).toBe(false);
});
