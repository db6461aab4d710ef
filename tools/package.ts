/**
 * `npm run package`: dist/lyceum.zip, which both function apps are deployed from: the bundle, host.json and a package.json that
 * names the entry. The same sources give the same bytes, so that what runs can be compared with what was built.
 * Options (for tests): `--out FILE`.
 */
import { createHash } from 'node:crypto';
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Zippable, zipSync } from 'fflate';
import { bundleProduct } from './bundle.ts';
import { projectRoot } from './run-command.ts';

/** A regular file that everybody may read: without it some tools unpack files that nobody can. */
const attrs = (0o100644 << 16) >>> 0;
const unix = 3;

export interface Package {
  file: string;
  bytes: number;
  /** Of the archive, in hexadecimal digits. */
  sha256: string;
  entries: string[];
}

function manifestOfPackage(): string {
  const { name, version, license, main } = JSON.parse(
    readFileSync(join(projectRoot, 'package.json'), 'utf8'),
  ) as Record<string, unknown>;
  return `${JSON.stringify({ name, version, private: true, license, main }, null, 2)}\n`;
}

/** Bundles the product and packs it. */
export async function packageProduct(file: string): Promise<Package> {
  const folder = dirname(file);
  await bundleProduct(folder);
  const contents = new Map<string, Uint8Array>([
    ['host.json', readFileSync(join(projectRoot, 'host.json'))],
    ['package.json', Buffer.from(manifestOfPackage())],
  ]);
  for (const path of globSync('**/*', { cwd: folder, withFileTypes: true })) {
    if (!path.isFile() || path.name === basename(file)) continue;
    const full = join(path.parentPath, path.name);
    contents.set(`dist${full.slice(folder.length).replaceAll('\\', '/')}`, readFileSync(full));
  }
  const entries = [...contents.keys()].sort();
  // The oldest time that an archive can hold. Archives know local time only, so it is made of that: no time zone shows.
  const mtime = new Date(1980, 0, 1);
  const tree: Zippable = {};
  for (const name of entries)
    tree[name] = [contents.get(name) ?? new Uint8Array(), { mtime, attrs, os: unix, level: 9 }];
  const archive = zipSync(tree);
  writeFileSync(file, archive);
  return { file, bytes: archive.length, sha256: createHash('sha256').update(archive).digest('hex'), entries };
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { out: { type: 'string' } } });
  const { bytes, sha256, entries } = await packageProduct(values.out ?? join(projectRoot, 'dist', 'lyceum.zip'));
  console.log(`lyceum.zip: ${(bytes / 1e6).toFixed(2)} MB, ${entries.length} files, SHA-256 ${sha256}`);
}
