import { createServer } from 'node:net';

const inARow = 5;
/** Below the ports that the system gives away itself, so that nobody gets one while who had it is about to come back. */
const first = 20_000;
const perWorker = 5_000;

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** The first of five ports in a row that nobody has, for what comes back on the same ones. Each worker of the test runner has its own range. */
export async function freePortBase(): Promise<number> {
  const start = first + perWorker * (Number(process.env['VITEST_POOL_ID'] ?? 1) % 2);
  for (let tries = 0; tries < 50; tries += 1) {
    const base = start + inARow * Math.floor((Math.random() * perWorker) / inARow);
    const ports = Array.from({ length: inARow }, (_, offset) => base + offset);
    if ((await Promise.all(ports.map(isFree))).every(Boolean)) return base;
  }
  throw new Error('No free ports');
}
