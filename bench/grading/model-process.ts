/**
 * The vendor of a model, as a local process: answers every grading with the same verdict after a delay. The parent sets the
 * delay, can hold back every answer, and asks for what was seen.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { startVendorStub } from '../../tests/adapters/llm/vendor-stub.ts';
import { verdict } from './essay.ts';

export type Order = { kind: 'hold' } | { kind: 'release'; delayMs: number } | { kind: 'report' };

export interface ModelReport {
  held: number;
  calls: number;
  mostAtOnce: number;
}

let gate = Promise.withResolvers<void>();
gate.resolve();
let delayMs = 0;
let held = 0;
let calls = 0;
let atOnce = 0;
let mostAtOnce = 0;

const stub = await startVendorStub();
stub.script(async () => {
  const isHeld = held >= 0;
  if (isHeld) held += 1;
  await gate.promise;
  if (!isHeld) {
    calls += 1;
    atOnce += 1;
    mostAtOnce = Math.max(mostAtOnce, atOnce);
    if (delayMs > 0) await sleep(delayMs);
    atOnce -= 1;
  }
  return { kind: 'answer', value: verdict, usage: { input: 1800, output: 420 } };
});

process.on('message', (order: Order) => {
  if (order.kind === 'hold') {
    gate = Promise.withResolvers<void>();
    [held, calls, mostAtOnce] = [0, 0, 0];
  } else if (order.kind === 'release') {
    delayMs = order.delayMs;
    held = -1;
    gate.resolve();
  }
  const report: ModelReport = { held, calls, mostAtOnce };
  process.send?.(report);
});
process.on('disconnect', () => process.exit(0));
console.log(`ready ${stub.anthropicBaseUrl}`);
