import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startAzurite } from '../../../local/azurite.ts';
import { createBlob } from '../../../shared/adapters/blob/client.ts';

test('a ping succeeds while the storage is there and fails when it is gone', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'lyceum-blob-'));
  const azurite = await startAzurite({ port: 0, dataDir });
  const blob = createBlob({ connectionString: azurite.connectionString });
  await expect(blob.ping()).resolves.toBeUndefined();
  const wrongKey = azurite.connectionString.replace(
    /AccountKey=[^;]+/,
    `AccountKey=${Buffer.alloc(64, 7).toString('base64')}`,
  );
  await expect(createBlob({ connectionString: wrongKey }).ping()).rejects.toThrow();
  await azurite.close();
  await expect(blob.ping()).rejects.toThrow();
  await rm(dataDir, { recursive: true });
});

test('a storage that takes the connection and never answers does not hold a ping', async () => {
  const silent = createServer((socket) => socket.on('error', () => undefined)).listen(0, '127.0.0.1');
  await new Promise((resolve) => silent.once('listening', resolve));
  // A server that listens on TCP has an address with a port.
  const { port } = silent.address() as AddressInfo;
  const key = Buffer.alloc(64).toString('base64');
  const connectionString = `DefaultEndpointsProtocol=http;AccountName=a;AccountKey=${key};BlobEndpoint=http://127.0.0.1:${port}/a;`;
  const startedMs = Date.now();
  await expect(createBlob({ connectionString }).ping(300)).rejects.toThrow();
  expect(Date.now() - startedMs).toBeLessThan(3_000);
  silent.close();
});

test('without a connection string and an address there is a clear error', async () => {
  await expect(createBlob({}).ping()).rejects.toThrow(/connection string or a service URI/);
});
