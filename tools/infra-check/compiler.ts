/** The compiler of Bicep, where a machine has it: it knows every type, which nothing else here does. */
import { type ExecFileException, execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Finding, Templates } from './templates.ts';

/** What was found, or why nothing was looked for. */
export type Outcome = { findings: Finding[] } | { skipped: string };

interface Run {
  status: number;
  stdout: string;
  /** Both channels. */
  output: string;
}

export function run(file: string, args: readonly string[], env: NodeJS.ProcessEnv, cwd: string): Promise<Run> {
  return new Promise((resolve) => {
    const done = (error: ExecFileException | null, stdout: string, stderr: string) => {
      const said = stderr === '' ? (error?.message ?? '') : stderr;
      resolve({ status: error === null ? 0 : 1, stdout, output: `${stdout}\n${said}` });
    };
    execFile(file, args, { env, cwd, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 }, done);
  });
}

/** Where a program is, as a shell would find it. */
export function onPath(name: string, env: NodeJS.ProcessEnv): string | undefined {
  const names = process.platform === 'win32' ? [`${name}.exe`, `${name}.cmd`] : [name];
  const folders = (env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders
    .flatMap((folder) => names.map((file) => join(folder, file)))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

type Compile = (verb: 'build' | 'build-params' | 'lint', path: string) => Promise<Run>;

async function findCompiler(env: NodeJS.ProcessEnv, root: string): Promise<Compile | undefined> {
  const output = (verb: string) => (verb === 'lint' ? [] : ['--stdout']);
  const bicep = onPath('bicep', env);
  if (bicep !== undefined) return (verb, path) => run(bicep, [verb, path, ...output(verb)], env, root);
  const az = onPath('az', env);
  // Without this question the command line of Azure would download a compiler.
  if (az === undefined || (await run(az, ['bicep', 'version'], env, root)).status !== 0) return undefined;
  return (verb, path) => run(az, ['bicep', verb, '--file', path, ...output(verb)], env, root);
}

const message = /^(?:.*[\\/])?([^\\/(]+)\((\d+),\d+\) : (Warning|Error) (.+)$/;

function readMessages(path: string, { status, output }: Run): Finding[] {
  const found = output.split(/\r?\n/).flatMap((line) => {
    const match = message.exec(line.trim());
    return match ? [{ rule: 'compiler', path, line: Number(match[2]), text: `${match[3]} ${match[4]}` }] : [];
  });
  if (status === 0 || found.length > 0) return found;
  const last = output.trim().split('\n').at(-1) ?? '';
  return [{ rule: 'compiler', path, line: 1, text: `the compiler failed: ${last}` }];
}

/** Parameter files ask the environment; what it says does not matter here, only that it is there. */
function withSamples(templates: Templates, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const texts = templates.parameterFiles.map((file) => file.text).join('\n');
  const names = [...texts.matchAll(/readEnvironmentVariable\('(\w+)'\)/g)].map((match) => match[1] ?? '');
  return { ...Object.fromEntries(names.map((name) => [name, 'sample'])), ...env };
}

/** Builds and lints every file; warnings count. */
export async function compilerFindings(templates: Templates, root: string, env: NodeJS.ProcessEnv): Promise<Outcome> {
  const compile = await findCompiler(withSamples(templates, env), root);
  if (compile === undefined) return { skipped: 'the compiler of Bicep: neither `bicep` nor `az bicep` is installed' };
  const findings: Finding[] = [];
  for (const { path } of templates.files)
    for (const verb of ['build', 'lint'] as const) findings.push(...readMessages(path, await compile(verb, path)));
  for (const { path } of templates.parameterFiles)
    for (const verb of ['build-params', 'lint'] as const)
      findings.push(...readMessages(path, await compile(verb, path)));
  return { findings };
}
