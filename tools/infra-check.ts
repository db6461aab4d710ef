/**
 * Checks the templates in infra/ without a cloud: the rules of tools/infra-check, the compiler where it is installed, and with
 * `--python` checkov and a second parser. See docs/how-to/check-the-templates.md.
 */
import { compilerFindings, type Outcome } from './infra-check/compiler.ts';
import { pythonFindings } from './infra-check/python.ts';
import { findings, rules } from './infra-check/rules.ts';
import { readTemplates } from './infra-check/templates.ts';
import { projectRoot } from './run-command.ts';

const templates = await readTemplates(projectRoot);
const paths = templates.files.map((file) => file.path);
const outcomes: Outcome[] = [
  { findings: findings(templates) },
  await compilerFindings(templates, projectRoot, process.env),
  ...(process.argv.includes('--python') ? [await pythonFindings(projectRoot, paths, process.env)] : []),
];

const found = outcomes.flatMap((outcome) => ('findings' in outcome ? outcome.findings : []));
for (const { rule, path, line, text } of found) console.error(`${path}:${line}: ${text} [${rule}]`);
for (const rule of rules.filter(({ id }) => found.some((finding) => finding.rule === id)))
  console.error(`  ${rule.id}: ${rule.why}`);
for (const outcome of outcomes) if ('skipped' in outcome) console.log(`skipped ${outcome.skipped}`);
if (found.length > 0) process.exitCode = 1;
