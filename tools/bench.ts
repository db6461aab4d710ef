/** `npm run bench [-- name ...]`: every `bench/<name>.bench.ts`, one after the other so that none disturbs another. */
import { globSync } from 'node:fs';
import { basename } from 'node:path';
import { projectRoot, runNodeScriptHere } from './run-command.ts';

const all = globSync('bench/*.bench.ts', { cwd: projectRoot }).sort();
const wanted = process.argv.slice(2);
const nameOf = (path: string) => basename(path, '.bench.ts');
const chosen = wanted.length === 0 ? all : all.filter((path) => wanted.includes(nameOf(path)));
const unknown = wanted.filter((name) => !all.some((path) => nameOf(path) === name));

if (unknown.length > 0 || chosen.length === 0) {
  console.error(`No benchmark ${unknown.join(', ')}. There are: ${all.map(nameOf).join(', ') || 'none'}`);
  process.exitCode = 1;
}
for (const path of unknown.length > 0 ? [] : chosen) {
  console.log(`\n${nameOf(path)}`);
  if ((await runNodeScriptHere(path, [])) !== 0) process.exitCode = 1;
}
