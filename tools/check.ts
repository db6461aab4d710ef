/**
 * `npm run check`: types, lint, boundaries, settings, templates, dead code and generated files; one line each, details where
 * one fails.
 */
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { type CommandResult, projectRoot, runNodeScript } from './run-command.ts';

interface Part {
  name: string;
  script: string;
  args: readonly string[];
  /** What to type when it fails and a machine can cure it. */
  cure?: string;
}

const sourceFolders = ['functions', 'shared', 'local', 'client', 'tools', 'bench', 'tests'];

/** The slowest first, so that they do not run alone at the end. */
function parts(): Part[] {
  const folders = sourceFolders.filter((folder) => existsSync(join(projectRoot, folder)));
  return [
    { name: 'types', script: 'node_modules/typescript/bin/tsc', args: ['--noEmit', '--pretty', 'false'] },
    {
      name: 'boundaries',
      script: 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs',
      args: ['--config', '.dependency-cruiser.cjs', '--output-type', 'err', ...folders],
    },
    { name: 'dead code', script: 'node_modules/knip/bin/knip.js', args: ['--no-progress'] },
    {
      name: 'lint',
      script: 'node_modules/@biomejs/biome/bin/biome',
      args: ['check', '--error-on-warnings', '--max-diagnostics=50', '.'],
      cure: 'npx biome check --write .',
    },
    { name: 'settings', script: 'tools/check-settings-access.ts', args: [] },
    { name: 'templates', script: 'tools/infra-check.ts', args: [] },
    { name: 'generated files', script: 'tools/generate.ts', args: ['--check'], cure: 'npm run generate' },
  ];
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;

function report(part: Part, result: CommandResult): void {
  console.log(`${result.status === 0 ? 'ok  ' : 'FAIL'} ${part.name.padEnd(16)} ${seconds(result.ms).padStart(7)}`);
  if (result.status === 0) {
    // What could not be looked at is said, also where all the rest is right.
    for (const line of result.output.split('\n')) if (line.startsWith('skipped ')) console.log(`     ${line}`);
    return;
  }
  console.log(result.output.trimEnd().replace(/^/gm, '     '));
  if (part.cure !== undefined) console.log(`     To cure: ${part.cure}`);
}

/** Runs every part, whatever the others say, as many at a time as there are processors. */
export async function runChecks(): Promise<{ passed: number; failed: number }> {
  const waiting = parts();
  let failed = 0;
  const total = waiting.length;
  const work = async () => {
    for (let part = waiting.shift(); part !== undefined; part = waiting.shift()) {
      const result = await runNodeScript(part.script, part.args);
      if (result.status !== 0) failed += 1;
      report(part, result);
    }
  };
  await Promise.all(Array.from({ length: Math.max(2, Math.min(4, availableParallelism())) }, work));
  return { passed: total - failed, failed };
}

if (import.meta.main) {
  const startedMs = performance.now();
  const { passed, failed } = await runChecks();
  console.log(`${passed} of ${passed + failed} checks passed in ${seconds(performance.now() - startedMs)}.`);
  process.exitCode = failed === 0 ? 0 : 1;
}
