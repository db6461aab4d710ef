/** checkov and the parser pycep, which look at the templates with other eyes; both are Python, so they are installed apart. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { type Outcome, onPath, run } from './compiler.ts';
import type { Finding } from './templates.ts';

const requirements = 'infra/requirements-check.txt';

const parserReport = z.array(z.object({ path: z.string(), text: z.string() }));
const checkovCheck = z.object({
  check_id: z.string(),
  check_name: z.string(),
  file_path: z.string(),
  file_line_range: z.tuple([z.number(), z.number()]),
  resource: z.string(),
  check_result: z.object({ suppress_comment: z.string().nullish() }),
});
const checkovReport = z.object({
  results: z.object({
    passed_checks: z.array(z.unknown()),
    failed_checks: z.array(checkovCheck),
    skipped_checks: z.array(checkovCheck),
    parsing_errors: z.array(z.string()),
  }),
});

/** What the second parser could not read. */
export function readParserReport(json: string): Finding[] {
  return parserReport.parse(JSON.parse(json)).map(({ path, text }) => ({ rule: 'pycep', path, line: 1, text }));
}

/** What checkov found; a suppression says why, and a file that it could not read counts. */
export function readCheckovReport(json: string): Finding[] {
  const { results } = checkovReport.parse(JSON.parse(json));
  const finding = (check: z.infer<typeof checkovCheck>, text: string): Finding => ({
    rule: check.check_id,
    path: `infra${check.file_path}`,
    line: check.file_line_range[0],
    text,
  });
  const silent = /^\s*(no comment provided)?\s*$/i;
  return [
    ...results.failed_checks.map((check) => finding(check, `${check.resource}: ${check.check_name}`)),
    ...results.skipped_checks
      .filter((check) => silent.test(check.check_result.suppress_comment ?? ''))
      .map((check) => finding(check, `${check.resource}: ${check.check_id} is skipped without a reason`)),
    ...results.parsing_errors.map((path) => ({ rule: 'checkov', path, line: 1, text: 'could not be read' })),
    ...(results.passed_checks.length === 0
      ? [{ rule: 'checkov', path: 'infra', line: 1, text: 'checked nothing' }]
      : []),
  ];
}

const lastLine = (text: string) => text.trim().split('\n').at(-1) ?? '';

/** The folder with what is wanted, installed when it is not there; or why there is none. */
async function install(root: string, env: NodeJS.ProcessEnv): Promise<{ bin: string } | { skipped: string }> {
  const python = onPath('python3', env) ?? onPath('python', env);
  if (python === undefined) return { skipped: 'checkov and pycep: Python is not installed' };
  const wanted = readFileSync(join(root, requirements), 'utf8');
  const lines = wanted.split('\n').filter((line) => /^\w/.test(line));
  const key = createHash('sha256').update(wanted).update(process.platform).digest('hex').slice(0, 12);
  const folder = join(root, 'node_modules', '.cache', `infra-check-${key}`);
  const bin = join(folder, process.platform === 'win32' ? 'Scripts' : 'bin');
  const stamp = join(folder, 'installed');
  if (existsSync(stamp)) return { bin };
  rmSync(folder, { recursive: true, force: true });
  const made = await run(python, ['-m', 'venv', folder], env, root);
  if (made.status !== 0) return { skipped: `checkov and pycep: no environment: ${lastLine(made.output)}` };
  for (const [index, line] of lines.entries()) {
    const options = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--retries', '1'];
    const args = [...options, ...(index > 0 ? ['--no-deps'] : []), line];
    const installed = await run(join(bin, 'python'), args, env, root);
    if (installed.status !== 0) return { skipped: `checkov and pycep: ${line}: ${lastLine(installed.output)}` };
  }
  writeFileSync(stamp, wanted);
  return { bin };
}

/** Reads what a program said; one that said something else, or nothing, looked at nothing. */
function reported(
  tool: string,
  read: (json: string) => Finding[],
  said: { stdout: string; output: string },
): Finding[] {
  try {
    return read(said.stdout);
  } catch {
    return [{ rule: tool, path: 'infra', line: 1, text: `failed: ${lastLine(said.output)}` }];
  }
}

/** Runs both over the templates of a project. */
export async function pythonFindings(root: string, paths: readonly string[], env: NodeJS.ProcessEnv): Promise<Outcome> {
  const installed = await install(root, env);
  if ('skipped' in installed) return installed;
  const script = join(import.meta.dirname, 'parse.py');
  const parsed = await run(join(installed.bin, 'python'), [script, ...paths], env, root);
  const options = ['--directory', 'infra', '--framework', 'bicep', '--compact', '--skip-download', '--output', 'json'];
  const checked = await run(join(installed.bin, 'checkov'), options, env, root);
  return {
    findings: [...reported('pycep', readParserReport, parsed), ...reported('checkov', readCheckovReport, checked)],
  };
}
