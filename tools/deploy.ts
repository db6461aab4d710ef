/** `npm run deploy -- --env dev --location westeurope`: from an empty subscription to a system that grades. See docs/how-to/deploy.md. */
import { join } from 'node:path';
import { Az } from './deploy/az.ts';
import { readTemplate } from './deploy/bicep.ts';
import { DeployError, Interrupted } from './deploy/failure.ts';
import { type DeployOptions, readDeployOptions } from './deploy/options.ts';
import { type Files, type Pace, type Run, usualPace } from './deploy/run.ts';
import { Screen, type Terminal } from './deploy/screen.ts';
import { deploy } from './deploy/steps.ts';
import { abortOnSignal, conclude, ownTerminal } from './deploy/terminal.ts';
import { withoutKeys } from './deploy/vault.ts';
import { projectRoot, runNodeScript } from './run-command.ts';

/** What differs between a person's terminal and a test. */
export interface Surroundings {
  env: Readonly<Record<string, string | undefined>>;
  terminal: Terminal;
  signal: AbortSignal;
  pace: Pace;
  files: Files;
  buildPackage: () => Promise<string>;
}

async function runPackage(): Promise<string> {
  const { status, output } = await runNodeScript('tools/run.mjs', ['package'], withoutKeys(process.env));
  if (status !== 0) throw new DeployError(`\`npm run package\` failed:\n${output.trim()}`);
  return output.trim().split('\n').at(-1) ?? '';
}

const usualFiles: Files = {
  infra: join(projectRoot, 'infra'),
  archive: join(projectRoot, 'dist', 'lyceum.zip'),
  manifest: join(projectRoot, 'infra', 'functions.json'),
};

function begin(options: DeployOptions, { env, terminal, signal, pace, files, buildPackage }: Surroundings): Run {
  return {
    options,
    az: new Az({ env: withoutKeys(env), signal, retryMs: pace.pollMs }),
    screen: new Screen(terminal),
    env,
    files,
    template: readTemplate(files.infra),
    pace,
    signal,
    buildPackage,
    subscriptionId: '',
    user: { name: '', type: '' },
    location: '',
    parameterFile: '',
    isProduction: false,
    previous: undefined,
    hasGroup: false,
    existing: [],
    secretNames: [],
    extraSettings: {},
    outputs: undefined,
    adminPassword: undefined,
  };
}

/** @returns the exit code. */
export async function runDeploy(args: readonly string[], surroundings: Surroundings): Promise<number> {
  const { terminal } = surroundings;
  try {
    const options = readDeployOptions(args, surroundings.env);
    if ('help' in options) {
      terminal.write(`${options.help}\n`);
      return 0;
    }
    const mustAsk = !options.isAgreed && !options.isDryRun && options.step === undefined;
    if (mustAsk && terminal.ask === undefined) {
      throw new DeployError('There is no terminal to ask on: add --yes (or --dry-run to only look).');
    }
    await deploy(begin(options, surroundings));
    return 0;
  } catch (error) {
    return conclude(
      // Ctrl-C reaches what runs for a step, too, whose end looks like a failure.
      surroundings.signal.aborted ? new Interrupted() : error,
      terminal.write,
      'Run the same command again and it goes on from here; what Azure has begun, it goes on with meanwhile.',
    );
  }
}

if (import.meta.main) {
  const { signal } = abortOnSignal();
  process.exitCode = await runDeploy(process.argv.slice(2), {
    env: process.env,
    terminal: ownTerminal(signal),
    signal,
    pace: usualPace,
    files: usualFiles,
    buildPackage: runPackage,
  });
}
