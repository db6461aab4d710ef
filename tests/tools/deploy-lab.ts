import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type Pace, usualPace } from '../../tools/deploy/run.ts';
import { runDeploy } from '../../tools/deploy.ts';
import { projectRoot } from '../../tools/run-command.ts';
import { FakeAzure } from './fake-azure.ts';

export interface Deployed {
  status: number;
  output: string;
}

export interface DeployLab {
  azure: FakeAzure;
  folder: string;
  /** What the person types at the questions; without it there is no terminal. */
  answers: string[] | undefined;
  /** Variables of the shell. */
  shell: Record<string, string>;
  signal: AbortSignal;
  packages: number;
  pace: Pace;
  deploy(...args: string[]): Promise<Deployed>;
}

/** A subscription, a folder, and `npm run deploy` in this process with no time between two looks. */
export async function startDeployLab(): Promise<DeployLab> {
  const azure = await FakeAzure.start();
  const folder = await mkdtemp(join(tmpdir(), 'lyceum-deploy-'));
  onTestFinished(async () => {
    azure.close();
    await rm(folder, { recursive: true, force: true });
  });
  const files = {
    infra: join(projectRoot, 'infra'),
    archive: join(folder, 'lyceum.zip'),
    manifest: join(projectRoot, 'infra/functions.json'),
  };
  const lab: DeployLab = {
    azure,
    folder,
    answers: undefined,
    shell: {},
    signal: new AbortController().signal,
    packages: 0,
    pace: { ...usualPace, pollMs: 1, referenceTries: 3, syncTries: 3 },
    async deploy(...args) {
      let output = '';
      const ask = async (question: string) => {
        output += question;
        const answer = lab.answers?.shift() ?? '';
        output += `${answer}\n`;
        return answer;
      };
      const write = (text: string) => {
        output += text;
      };
      const buildPackage = async () => {
        lab.packages += 1;
        writeFileSync(files.archive, 'PK');
        return 'lyceum.zip: 1.00 MB, 5 files';
      };
      const status = await runDeploy(args, {
        env: { ...azure.env, ...lab.shell },
        terminal: { write, ask: lab.answers && ask, isLive: false },
        signal: lab.signal,
        pace: lab.pace,
        files,
        buildPackage,
      });
      return { status, output };
    },
  };
  return lab;
}

/** A person with a terminal who agrees, and no smoke test, which has its own tests. */
export const usual = ['--env', 'dev', '--location', 'westeurope', '--yes', '--no-smoke'];
