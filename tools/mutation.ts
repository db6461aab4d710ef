/**
 * `npm run mutation [-- file ...]`: changes the rules one operator at a time and sees whether a test notices. A rule that
 * can be changed without a failing test is a rule that is not tested. Arguments choose files, for a quick look at one.
 */
import { globSync } from 'node:fs';
import { projectRoot, runNodeScriptHere } from './run-command.ts';

const rules = globSync('shared/*/{rules,*-rules}.ts', { cwd: projectRoot });
const chosen = process.argv.slice(2);
const files = chosen.length > 0 ? chosen : rules;

if (files.length === 0) {
  console.error('There are no rules to mutate.');
  process.exitCode = 1;
} else {
  process.exitCode = await runNodeScriptHere('node_modules/@stryker-mutator/core/bin/stryker.js', [
    'run',
    'stryker.config.json',
    '--mutate',
    files.join(','),
  ]);
}
