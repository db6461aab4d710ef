import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { unzipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { manifestOf } from '../../tools/function-manifest.ts';
import { type Package, packageProduct } from '../../tools/package.ts';
import { projectRoot } from '../../tools/run-command.ts';

describe('the package', () => {
  let folder: string;
  let first: Package;
  let files: Record<string, Uint8Array>;

  const text = (name: string) => Buffer.from(files[name] ?? []).toString('utf8');

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lyceum package '));
    first = await packageProduct(join(folder, 'first', 'lyceum.zip'));
    files = unzipSync(await readFile(first.file));
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  test('is the same to the byte when it is made again, elsewhere, in another time zone and over an older build', async () => {
    await mkdir(join(folder, 'second'));
    await writeFile(join(folder, 'second', 'left-over.js'), 'nothing');
    const zone = process.env['TZ'];
    process.env['TZ'] = zone === 'Asia/Tokyo' ? 'America/Lima' : 'Asia/Tokyo';
    try {
      const second = await packageProduct(join(folder, 'second', 'lyceum.zip'));
      expect(second.sha256).toBe(first.sha256);
      expect((await readFile(second.file)).equals(await readFile(first.file))).toBe(true);
    } finally {
      if (zone === undefined) delete process.env['TZ'];
      else process.env['TZ'] = zone;
    }
  });

  test('holds the bundle, its licences, the host settings and the documentation page, and nothing else', () => {
    expect(Object.keys(files).sort()).toEqual([
      'dist/assets/LICENSE',
      'dist/assets/swagger-ui-bundle.js',
      'dist/assets/swagger-ui.css',
      'dist/main.cjs',
      'dist/main.cjs.LICENSES.txt',
      'host.json',
      'package.json',
    ]);
  });

  test('has the host.json of the repository, and a package.json that names the bundle and asks for no package', async () => {
    expect(text('host.json')).toBe(await readFile(join(projectRoot, 'host.json'), 'utf8'));
    const described = JSON.parse(text('package.json')) as Record<string, unknown>;
    expect(Object.keys(files)).toContain(described['main']);
    expect(described).not.toHaveProperty('dependencies');
    // `type: module` would make Node read the bundle's neighbours as something that they are not.
    expect(described).not.toHaveProperty('type');
  });

  test('registers every function when it is unpacked where nothing else is', async () => {
    const unpacked = join(folder, 'unpacked');
    for (const [name, bytes] of Object.entries(files)) {
      await mkdir(dirname(join(unpacked, name)), { recursive: true });
      await writeFile(join(unpacked, name), bytes);
    }
    const recorded: unknown = JSON.parse(await readFile(join(projectRoot, 'infra/functions.json'), 'utf8'));
    expect(await manifestOf(join(unpacked, 'dist/main.cjs'), unpacked)).toEqual(recorded);
  });
});
