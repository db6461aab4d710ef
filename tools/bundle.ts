/**
 * `npm run bundle`: dist/main.cjs, the one file that Azure loads, and beside it the licences of what is in it.
 * Options (for tests): `--entry FILE`, `--out FOLDER`.
 */
import { cpSync, existsSync, globSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type BuildOptions, build, type Metafile } from 'esbuild';
import { keepClassNames, omitUnused } from './bundle-plugins.ts';
import { inlineWorkers } from './inline-workers.ts';
import { projectRoot } from './run-command.ts';

export interface Bundle {
  file: string;
  bytes: number;
  packages: number;
}

const options = {
  absWorkingDir: projectRoot,
  bundle: true,
  // The Functions worker hands out its own module through `require` only, so the bundle is CommonJS.
  format: 'cjs',
  external: [
    '@azure/functions-core',
    // Read only when blobs are listed in Arrow's format, which we never ask for.
    'apache-arrow',
  ],
  platform: 'node',
  // With `node`, esbuild takes a package's CommonJS build where there are two, and of that it can leave nothing out.
  mainFields: ['module', 'main'],
  target: 'node22',
  minify: true,
  charset: 'utf8',
  plugins: [omitUnused, keepClassNames],
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
} satisfies BuildOptions;

/** Puts an entry and all it needs into `outFolder`, which is emptied first. */
export async function bundle(entry: string, outFolder: string): Promise<Bundle> {
  rmSync(outFolder, { recursive: true, force: true });
  mkdirSync(outFolder, { recursive: true });
  const file = join(outFolder, 'main.cjs');
  const workers = await inlineWorkers();
  const define: Record<string, string> = {
    // Some packages locate files from `import.meta.url`, which CommonJS does not have: undefined would kill them at load.
    'import.meta.url': 'lyceumBundleUrl',
    'import.meta.dirname': '__dirname',
    'import.meta.filename': '__filename',
    ...workers.define,
  };
  const main = await build({
    ...options,
    entryPoints: [entry],
    outfile: file,
    define,
    banner: { js: "const lyceumBundleUrl = require('node:url').pathToFileURL(__filename).href;" },
  });
  const packages = [...new Set([workers.metafile, main.metafile].flatMap(packageFolders))].sort();
  writeFileSync(join(outFolder, 'main.cjs.LICENSES.txt'), packages.map(licenceOf).join('\n'));
  return { file, bytes: statSync(file).size, packages: packages.length };
}

/** The packages of which at least one byte is in the bundle. */
function packageFolders(metafile: Metafile): string[] {
  const inputs = Object.values(metafile.outputs).flatMap((output) => Object.entries(output.inputs));
  const folders = inputs.flatMap(([path, { bytesInOutput }]) => {
    const match = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path);
    return match?.[1] !== undefined && bytesInOutput > 0 ? [match[1]] : [];
  });
  return folders;
}

function licenceOf(folder: string): string {
  const path = join(projectRoot, folder);
  const { name, version, license } = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8')) as Record<
    string,
    unknown
  >;
  const [file] = globSync('{LICEN[SC]E,licen[sc]e}*', { cwd: path });
  const text =
    file === undefined
      ? `Licence: ${typeof license === 'string' ? license : 'see its package'}\n`
      : readFileSync(join(path, file), 'utf8');
  return `${'-'.repeat(100)}\n${String(name)} ${String(version)}\n\n${text}`;
}

const documentationAssets = ['swagger-ui.css', 'swagger-ui-bundle.js', 'LICENSE'];

/** The page at /docs is served from our own origin, so its files travel with the bundle. */
function copyAssets(outFolder: string): number {
  const sources = globSync('{functions,shared}/**/*.ts', { cwd: projectRoot });
  const isUsed = sources.some((path) => readFileSync(join(projectRoot, path), 'utf8').includes('swagger-ui'));
  if (!isUsed) return 0;
  const from = join(projectRoot, 'node_modules', 'swagger-ui-dist');
  const present = documentationAssets.filter((name) => existsSync(join(from, name)));
  for (const name of present) cpSync(join(from, name), join(outFolder, 'assets', name));
  return present.length;
}

/** The product as Azure runs it: the bundle, and the files of the documentation page beside it. */
export async function bundleProduct(
  outFolder: string,
  entry: string = join(projectRoot, 'functions', 'main.ts'),
): Promise<Bundle & { assets: number }> {
  return { ...(await bundle(entry, outFolder)), assets: copyAssets(outFolder) };
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { entry: { type: 'string' }, out: { type: 'string' } } });
  const { bytes, packages, assets } = await bundleProduct(values.out ?? join(projectRoot, 'dist'), values.entry);
  console.log(`main.cjs: ${(bytes / 1e6).toFixed(2)} MB with ${packages} packages; ${assets} assets.`);
}
