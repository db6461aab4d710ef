/** Scripts of worker threads, for bundles: a thread cannot be started from a file that is not deployed. */
import { build, type Metafile } from 'esbuild';
import { projectRoot } from './run-command.ts';

export interface InlineWorkers {
  /** For esbuild's `define`: the constant that the source looks for, and the script as a string literal. */
  define: Record<string, string>;
  /** What is in the scripts, for the licences. */
  metafile: Metafile;
}

export async function inlineWorkers(): Promise<InlineWorkers> {
  const { outputFiles, metafile } = await build({
    absWorkingDir: projectRoot,
    entryPoints: ['shared/adapters/passwords/password-worker.ts'],
    bundle: true,
    // A script that is started from a string is CommonJS.
    format: 'cjs',
    platform: 'node',
    target: 'node22',
    minify: true,
    legalComments: 'none',
    write: false,
    metafile: true,
    logLevel: 'warning',
  });
  return { define: { LYCEUM_PASSWORD_WORKER: JSON.stringify(outputFiles[0]?.text) }, metafile };
}
