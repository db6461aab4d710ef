import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { projectRoot } from '../../tools/run-command.ts';

const read = (path: string) => readFileSync(join(projectRoot, path), 'utf8');
const scripts = Object.keys((JSON.parse(read('package.json')) as { scripts: object }).scripts);

/** The names after `npm run` in a text, and `test` for `npm test`. */
function scriptsIn(text: string): string[] {
  return [...text.matchAll(/npm (?:run ([\w:-]+)|(test))/g)].map(([, script, plain]) => script ?? plain ?? '');
}

/** What `readEnvironmentVariable` must find, because it names no default. */
function required(parameters: string): string[] {
  return [...read(parameters).matchAll(/readEnvironmentVariable\('(\w+)'\)/g)].map(([, name = '']) => name);
}

interface Hook {
  shell: string;
  run: string;
}

interface AzdProject {
  infra: { provider: string; path: string; module: string };
  services: Record<string, { project: string; language: string; host: string; remoteBuild?: boolean }>;
  hooks: Record<string, { posix: Hook; windows: Hook }>;
}

describe('azure.yaml', () => {
  const text = read('azure.yaml');
  const project = parse(text) as AzdProject;

  test('says which schema it follows', () => {
    expect(text.split('\n')[0]).toMatch(/^# yaml-language-server: \$schema=https:\/\/.*azure\.yaml\.json$/);
  });

  test('has one service for each app that Bicep tags', () => {
    const module = read('infra/modules/functions.bicep');
    expect(module).toContain("'azd-service-name': part");
    const allowed = /@allowed\(\[([^\]]+)\]\)\nparam part string/.exec(module)?.[1] ?? '';
    const parts = [...allowed.matchAll(/'(\w+)'/g)].map(([, part]) => part);
    expect(Object.keys(project.services).sort()).toEqual(parts.sort());
    const main = read('infra/main.bicep');
    for (const part of parts) expect(main).toContain(`part: '${part}'`);
    expect(main).toContain("'azd-env-name': environmentName");
  });

  test('deploys one package to all of them, and never lets the cloud build it again', () => {
    const services = Object.values(project.services);
    expect(new Set(services.map((service) => service.project)).size).toBe(1);
    for (const service of services)
      expect(service).toMatchObject({ language: 'ts', host: 'function', remoteBuild: false });
  });

  test('names the Bicep that is there, whose parameters ask for no more than azd knows or a person sets', () => {
    const { provider, path, module } = project.infra;
    expect(provider).toBe('bicep');
    expect(existsSync(join(projectRoot, path, `${module}.bicep`))).toBe(true);
    expect([...new Set(required(`${path}/${module}.bicepparam`))]).toEqual([
      'AZURE_ENV_NAME',
      'AZURE_LOCATION',
      'ALERT_EMAILS',
    ]);
  });

  test('does the same on every system', () => {
    for (const { posix, windows } of Object.values(project.hooks)) {
      expect([posix.shell, windows.shell]).toEqual(['sh', 'pwsh']);
      expect(scriptsIn(windows.run)).toEqual(scriptsIn(posix.run));
      expect(/--step \w+/.exec(windows.run)?.[0]).toBe(/--step \w+/.exec(posix.run)?.[0]);
    }
  });

  test('calls the steps of the deployment and no others', () => {
    const called = Object.values(project.hooks).flatMap((hook) => scriptsIn(hook.posix.run));
    expect(called.filter((script) => !scripts.includes(script))).toEqual([]);
    expect(project.hooks['postprovision']?.posix.run).toContain('--step secrets');
    expect(project.hooks['postdeploy']?.posix.run).toContain('--step smoke');
  });
});

interface Step {
  uses?: string;
  run?: string;
  with?: Record<string, unknown>;
}

interface Job {
  uses?: string;
  permissions?: Record<string, string>;
  'timeout-minutes'?: number;
  environment?: string;
  needs?: string | string[];
  env?: Record<string, string>;
  steps?: Step[];
}

interface Workflow {
  on: Record<string, unknown>;
  permissions?: Record<string, string>;
  concurrency?: unknown;
  jobs: Record<string, Job & { concurrency?: unknown }>;
}

const workflowFiles = globSync('.github/workflows/*.{yml,yaml}', { cwd: projectRoot }).sort();

test('there are workflows', () => {
  expect(workflowFiles.length).toBeGreaterThanOrEqual(5);
});

describe.each(workflowFiles)('%s', (file) => {
  const text = read(file);
  const workflow = parse(text) as Workflow;
  const jobs = Object.values(workflow.jobs);

  test('pins every action to a commit, and says which version that is', () => {
    const uses = text.split('\n').filter((line) => /^\s*(- )?uses:/.test(line));
    expect(uses.length).toBeGreaterThan(0);
    const isPinned = (line: string) => /uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(line);
    const isOurs = (line: string) => /uses: \.\/\.github\/workflows\/[\w-]+\.yml$/.test(line);
    expect(uses.filter((line) => !isPinned(line) && !isOurs(line))).toEqual([]);
  });

  test('gives nothing by default, and to each job what it says', () => {
    expect(workflow.permissions).toEqual({});
    for (const job of jobs) expect(Object.keys(job.permissions ?? {}).length).toBeGreaterThan(0);
  });

  test('writes nowhere but findings and comments', () => {
    const granted = new Set(
      jobs.flatMap((job) => Object.entries(job.permissions ?? {}).map((pair) => pair.join(': '))),
    );
    const known = [
      'contents: read',
      'actions: read',
      'security-events: write',
      'id-token: write',
      'pull-requests: write',
    ];
    expect([...granted].filter((permission) => !known.includes(permission))).toEqual([]);
  });

  test('ends by itself, and never runs twice at once for the same thing', () => {
    for (const job of jobs.filter((job) => job.uses === undefined))
      expect(job['timeout-minutes']).toBeLessThanOrEqual(60);
    const isBounded = (job: Workflow['jobs'][string]) => job.concurrency !== undefined || job.environment === undefined;
    expect(workflow.concurrency !== undefined || jobs.every(isBounded)).toBe(true);
  });

  test('runs only scripts that exist', () => {
    expect(scriptsIn(text).filter((script) => !scripts.includes(script))).toEqual([]);
  });

  test('knows no secret but the keys of models', () => {
    const secrets = [...text.matchAll(/secrets\.(\w+)/g)].map(([, name]) => name);
    expect(
      secrets.filter((name) => !['ANTHROPIC_API_KEY', 'OPENAI_API_KEY', 'SMOKE_PASSWORD'].includes(name ?? '')),
    ).toEqual([]);
    expect(text).not.toContain('secrets: inherit');
    expect(text).not.toContain('creds:');
  });

  test('puts nothing that others wrote into a command', () => {
    const commands = jobs.flatMap((job) =>
      (job.steps ?? []).map((step) => step.run ?? String(step.with?.['script'] ?? '')),
    );
    expect(commands.filter((command) => command.includes('${{'))).toEqual([]);
  });

  test('leaves no token in the folder that it checks out', () => {
    const checkouts = jobs
      .flatMap((job) => job.steps ?? [])
      .filter((step) => step.uses?.startsWith('actions/checkout@'));
    for (const step of checkouts) expect(step.with).toEqual({ 'persist-credentials': false });
  });
});

describe('the deployment workflow', () => {
  const { on, jobs } = parse(read('.github/workflows/deploy.yml')) as Workflow;

  test('runs for main and by hand, never for a change that is not merged', () => {
    expect(on).toEqual({ push: { branches: ['main'] }, workflow_dispatch: null });
  });

  test('deploys only what was checked, to dev before prod', () => {
    expect(jobs['package']?.needs).toBe('check');
    expect(jobs['dev']?.needs).toEqual(['package']);
    expect(jobs['prod']?.needs).toEqual(['package', 'dev']);
  });

  test.each(['dev', 'prod'])('gives %s an environment and what its parameters must find', (name) => {
    const job = jobs[name];
    expect(job?.environment).toBe(name);
    const given = Object.keys(job?.env ?? {});
    expect(required(`infra/${name}.bicepparam`).filter((variable) => !given.includes(variable))).toEqual([]);
    // What is empty is not absent: a default must be said again, and be the same.
    const defaults = [...read(`infra/${name}.bicepparam`).matchAll(/readEnvironmentVariable\('(\w+)', '([^']*)'\)/g)];
    for (const [, variable = '', value = ''] of defaults) {
      if (given.includes(variable) && value !== '' && variable !== 'DEPLOYER_PRINCIPAL_TYPE')
        expect(job?.env?.[variable]).toContain(`|| '${value}'`);
    }
    expect(
      job?.steps?.some((step) => step.run === `npm run deploy -- --env ${name} --location "$AZURE_LOCATION" --yes`),
    ).toBe(true);
  });
});

describe('dependabot.yml', () => {
  const { updates } = parse(read('.github/dependabot.yml')) as { updates: Record<string, unknown>[] };

  test('looks after every kind of dependency that there is', () => {
    const kinds = updates.map((update) => update['package-ecosystem']).sort();
    expect(kinds).toEqual(['devcontainers', 'github-actions', 'npm', 'pip']);
  });
});

describe('the dev container', () => {
  const container = JSON.parse(read('.devcontainer/devcontainer.json')) as {
    image: string;
    features: Record<string, Record<string, unknown>>;
    postCreateCommand: string;
    forwardPorts: number[];
  };

  test('has the Node version of the project, and every version pinned', () => {
    expect(container.image).toMatch(/:\d+\.\d+\.\d+-24-\w+$/);
    for (const [feature, options] of Object.entries(container.features)) {
      expect(feature).toMatch(/:\d+\.\d+\.\d+$/);
      expect(options['version']).toMatch(/^\d+\.\d+\.\d+$/);
    }
    expect(container.postCreateCommand).toMatch(/azure-functions-core-tools@\d+\.\d+\.\d+$/);
  });

  test('has the Bicep version of the checks', () => {
    const versions = Object.values(container.features).map((options) => options['bicepVersion']);
    expect(versions).toContain(/BICEP_VERSION: (\S+)/.exec(read('.github/workflows/check.yml'))?.[1]);
  });

  test('installs by the launcher and shows the ports of the local stack', () => {
    expect(container.postCreateCommand).toContain('node tools/run.mjs install');
    expect(container.forwardPorts).toContain(7071);
  });
});
