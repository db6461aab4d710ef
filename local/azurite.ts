import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';

/** The account that every storage emulator has; its key is public and opens nothing else. */
const ACCOUNT = 'devstoreaccount1';
const ACCOUNT_KEY = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';
const CLOSE_TIMEOUT_MS = 3_000;

export interface Azurite {
  connectionString: string;
  port: number;
  close(): Promise<void>;
}

export interface AzuriteOptions {
  /** 0 for any free port. */
  port: number;
  /** Made when it is not there. Azurite writes its index of blobs every few seconds and when it is closed. */
  dataDir: string;
}

/**
 * Azurite's blob service, and only that, on 127.0.0.1: quiet, without telemetry, and in a thread of its own, because loading it takes
 * half a second of work that the other parts of the stack should not wait for.
 */
export async function startAzurite({ port, dataDir }: AzuriteOptions): Promise<Azurite> {
  await mkdir(dataDir, { recursive: true });
  const worker = new Worker(new URL('./azurite-worker.ts', import.meta.url), { workerData: { port, dataDir } });
  const exited = new Promise((resolve) => worker.once('exit', resolve));
  // `once` fails with the error that the thread ends with, for instance a port that is taken.
  const [{ address }] = await once(worker, 'message');
  const actualPort = Number(new URL(address).port);
  const endpoint = `http://127.0.0.1:${actualPort}/${ACCOUNT}`;
  return {
    port: actualPort,
    connectionString: `DefaultEndpointsProtocol=http;AccountName=${ACCOUNT};AccountKey=${ACCOUNT_KEY};BlobEndpoint=${endpoint};`,
    async close() {
      worker.postMessage('close');
      const overdue = setTimeout(() => void worker.terminate(), CLOSE_TIMEOUT_MS);
      await exited;
      clearTimeout(overdue);
    },
  };
}
