/**
 * Runs one stand-in for an Azure service in a thread of its own, so that it cannot slow the functions down. Threads, not
 * processes: when the process is killed, all of them are gone with it.
 */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import type { ContainersFile } from './cosmos/definition.ts';
import type { QueueDefinition } from './service-bus/definition.ts';

/** What each thread is asked to start; everything in it must survive a structured clone. */
export type StandIn =
  | { kind: 'cosmos'; port: number; dataDir: string; definition: ContainersFile }
  | { kind: 'serviceBus'; port: number; dataDir: string; queues: QueueDefinition[]; releaseLocks: boolean };

type Report = { is: 'ready' } | { is: 'failed'; reason: string } | { is: 'closed' };

export interface RunningStandIn {
  /** Resolves when it answers; rejects when it could not start. */
  ready: Promise<void>;
  close(): Promise<void>;
}

// Each thread loads only what it runs.
async function run(standIn: StandIn): Promise<{ close(): Promise<void> }> {
  if (standIn.kind === 'cosmos') return (await import('./cosmos/server.ts')).startCosmos(standIn);
  return (await import('./service-bus/server.ts')).startServiceBus(standIn);
}

/** Starts a stand-in in a new thread. `onFailure` hears of a thread that dies later. */
export function startStandIn(standIn: StandIn, onFailure: (error: Error) => void): RunningStandIn {
  const worker = new Worker(new URL(import.meta.url), { workerData: standIn, name: standIn.kind });
  let isReady = false;
  let isClosing = false;
  const ready = new Promise<void>((resolve, reject) => {
    const fail = (reason: string) => {
      const error = new Error(`${standIn.kind}: ${reason}`);
      if (isReady && !isClosing) onFailure(error);
      reject(error);
    };
    worker.on('message', (report: Report) => {
      if (report.is === 'ready') {
        isReady = true;
        resolve();
      } else if (report.is === 'failed') fail(report.reason);
    });
    worker.on('error', (error) => fail(error instanceof Error ? (error.stack ?? error.message) : String(error)));
    worker.on('exit', () => fail('the thread ended'));
  });
  // Whoever waits for it hears of it; if nobody does, it must not end the process a second time.
  ready.catch(() => undefined);
  return {
    ready,
    async close() {
      if (isClosing) return;
      isClosing = true;
      const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
      worker.postMessage('close');
      const limit = setTimeout(() => worker.terminate(), 3000);
      await ended;
      clearTimeout(limit);
    },
  };
}

async function runHere(port: NonNullable<typeof parentPort>, standIn: StandIn): Promise<void> {
  const say = (report: Report) => port.postMessage(report);
  const starting = run(standIn);
  port.on('message', () => {
    void starting
      .then((running) => running.close())
      .catch(() => undefined)
      .finally(() => process.exit(0));
  });
  try {
    await starting;
    say({ is: 'ready' });
  } catch (error) {
    say({ is: 'failed', reason: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
}

// The other side of `startStandIn`: this module is also the program of the thread.
if (!isMainThread && parentPort !== null) await runHere(parentPort, workerData as StandIn);
