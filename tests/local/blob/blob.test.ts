import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BlobServiceClient, type ContainerClient } from '@azure/storage-blob';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Azurite, startAzurite } from '../../../local/azurite.ts';
import { freePortBase } from '../../free-ports.ts';

// Written only against the official client, so that the same rules can be checked against the cloud: set LYCEUM_CONFORMANCE_BLOB to a
// connection string.
const cloud = process.env['LYCEUM_CONFORMANCE_BLOB'];

let azurite: Azurite | undefined;
let dataDir: string;
let connectionString: string;
let container: ContainerClient;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'lyceum-blob-'));
  azurite = cloud === undefined ? await startAzurite({ port: 0, dataDir }) : undefined;
  connectionString = cloud ?? azurite?.connectionString ?? '';
  container = BlobServiceClient.fromConnectionString(connectionString).getContainerClient(
    `conformance-${randomUUID()}`,
  );
  await container.create();
});

afterAll(async () => {
  await container.delete();
  await azurite?.close();
  await rm(dataDir, { recursive: true, force: true });
});

async function upload(name: string, text: string) {
  const blob = container.getBlockBlobClient(name);
  const { etag } = await blob.upload(text, Buffer.byteLength(text), {
    blobHTTPHeaders: { blobContentType: 'text/plain' },
  });
  return { blob, etag: etag ?? '' };
}

async function names(prefix: string): Promise<string[]> {
  const found: string[] = [];
  for await (const item of container.listBlobsFlat({ prefix })) found.push(item.name);
  return found;
}

describe('blobs', () => {
  test('what was uploaded is downloaded, byte for byte, with its type', async () => {
    const { blob } = await upload('roundtrip', 'Grüße\0 \u{1F600}');
    expect((await blob.downloadToBuffer()).toString()).toBe('Grüße\0 \u{1F600}');
    expect(await blob.getProperties()).toMatchObject({ contentType: 'text/plain', contentLength: 13 });
  });

  test('a large blob survives in blocks', async () => {
    const bytes = Buffer.alloc(9_000_000, 'abcdefg');
    const blob = container.getBlockBlobClient('large');
    await blob.uploadData(bytes, { blockSize: 4_000_000, maxSingleShotSize: 1_000_000 });
    expect(bytes.equals(await blob.downloadToBuffer())).toBe(true);
  });

  test('a list holds exactly the blobs under the prefix, in order', async () => {
    for (const name of ['list/b', 'list/a', 'list/c/d', 'other']) await upload(name, name);
    expect(await names('list/')).toEqual(['list/a', 'list/b', 'list/c/d']);
  });

  test('a deleted blob is gone, and deleting it again is 404', async () => {
    const { blob } = await upload('gone', 'x');
    await blob.delete();
    expect(await blob.exists()).toBe(false);
    expect(await names('gone')).toEqual([]);
    await expect(blob.delete()).rejects.toMatchObject({ statusCode: 404 });
    await expect(blob.downloadToBuffer()).rejects.toMatchObject({ statusCode: 404 });
  });

  test('a write with an old ETag is 412 and changes nothing', async () => {
    const { blob, etag } = await upload('versions', 'one');
    const second = await blob.upload('two', 3, { conditions: { ifMatch: etag } });
    expect(second.etag).not.toBe(etag);
    await expect(blob.upload('three', 5, { conditions: { ifMatch: etag } })).rejects.toMatchObject({ statusCode: 412 });
    expect((await blob.downloadToBuffer()).toString()).toBe('two');
  });

  test('a write that asks for a new blob is refused when there is one', async () => {
    const { blob } = await upload('first', 'one');
    await expect(blob.upload('two', 3, { conditions: { ifNoneMatch: '*' } })).rejects.toMatchObject({
      statusCode: 409,
    });
    expect((await blob.downloadToBuffer()).toString()).toBe('one');
  });

  test('a wrong key is refused', async () => {
    const wrong = connectionString.replace(/AccountKey=[^;]+/, `AccountKey=${Buffer.alloc(64, 7).toString('base64')}`);
    const stranger = BlobServiceClient.fromConnectionString(wrong, { retryOptions: { maxTries: 1 } });
    await expect(stranger.getContainerClient(container.containerName).exists()).rejects.toMatchObject({
      statusCode: 403,
    });
  });
});

describe.skipIf(cloud !== undefined)('the local stand-in', () => {
  test('keeps blobs over a restart on the same port and folder', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'lyceum-blob-'));
    const first = await startAzurite({ port: await freePortBase(), dataDir: dir });
    const open = ({ connectionString: target }: Azurite) =>
      BlobServiceClient.fromConnectionString(target).getContainerClient('kept');
    await open(first).create();
    await open(first).getBlockBlobClient('b').upload('kept', 4);
    await first.close();
    await expect(fetch(`http://127.0.0.1:${first.port}/`)).rejects.toThrow();
    const second = await startAzurite({ port: first.port, dataDir: dir });
    expect((await open(second).getBlockBlobClient('b').downloadToBuffer()).toString()).toBe('kept');
    await second.close();
    await rm(dir, { recursive: true });
  });

  test('a port that is taken is an error and not a silence', async () => {
    await expect(startAzurite({ port: azurite?.port ?? 0, dataDir: join(dataDir, 'second') })).rejects.toThrow(
      /EADDRINUSE/,
    );
  });
});
