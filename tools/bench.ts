/**
 * `npm run bench [-- name ...] [--write]`: every `bench/<name>.bench.ts`, one after the other so that none disturbs another.
 * `--write` puts the tables of the groups that ran into docs/performance.md.
 */
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { readReport, toMarkdown } from '../bench/report.ts';
import { projectRoot, runNodeScriptHere } from './run-command.ts';

const documentPath = join(projectRoot, 'docs', 'performance.md');
const nameOf = (path: string) => basename(path, '.bench.ts');
const all = globSync('bench/*.bench.ts', { cwd: projectRoot }).sort();

/** The text between the markers of one group, replaced. @throws Error when the document has no such markers. */
export function replaceBetweenMarkers(document: string, name: string, text: string): string {
  const [open, close] = [`<!-- bench:${name} -->`, `<!-- /bench:${name} -->`];
  const [from, to] = [document.indexOf(open), document.indexOf(close)];
  if (from === -1 || to < from) throw new Error(`docs/performance.md has no ${open} ... ${close}`);
  return `${document.slice(0, from + open.length)}\n${text}\n${document.slice(to)}`;
}

function writeDocument(names: readonly string[]): void {
  let document = readFileSync(documentPath, 'utf8');
  for (const name of names) document = replaceBetweenMarkers(document, name, toMarkdown(readReport(name)));
  writeFileSync(documentPath, document);
  console.log(`\nWritten to docs/performance.md: ${names.join(', ')}`);
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({ options: { write: { type: 'boolean' } }, allowPositionals: true });
  const unknown = positionals.filter((name) => !all.some((path) => nameOf(path) === name));
  if (unknown.length > 0) {
    console.error(`No benchmark ${unknown.join(', ')}. There are: ${all.map(nameOf).join(', ')}`);
    process.exitCode = 1;
    return;
  }
  const chosen = positionals.length === 0 ? all : all.filter((path) => positionals.includes(nameOf(path)));
  const finished: string[] = [];
  for (const path of chosen) {
    console.log(`\n${nameOf(path)}`);
    if ((await runNodeScriptHere(path, [])) === 0) finished.push(nameOf(path));
    else process.exitCode = 1;
  }
  if (values.write && finished.length > 0) writeDocument(finished);
}

if (import.meta.main) await main();
