/**
 * What the Functions host will index: every function with its bindings, as the library hands them over. `infra/functions.json`
 * holds it, a deployment waits until Azure lists exactly these functions, and a test compares source and bundle with it.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import type { Part } from '../shared/platform/parts.ts';
import { projectRoot } from './run-command.ts';

const Binding = z.looseObject({ type: z.string(), direction: z.string() });
const Registration = z.object({ name: z.string(), bindings: z.record(z.string(), Binding) });

export interface FunctionEntry {
  name: string;
  /** The app that has it. */
  part: Exclude<Part, 'all'>;
  /** The trigger first; without the names that the library draws at random. */
  bindings: Record<string, unknown>[];
}

/** For the head of a CommonJS script: the module that the Functions worker supplies, which notes what is registered. */
export const workerModule = `
const Module = require('node:module');
const registrations = [];
const core = {
  version: '3.0.0',
  setProgrammingModel() {},
  registerFunction(metadata) { registrations.push(metadata); return { dispose() {} }; },
  registerHook() { return { dispose() {} }; },
  log() {},
};
const load = Module._load;
Module._load = (id, ...rest) => (id === '@azure/functions-core' ? core : load(id, ...rest));
`;

const loader = `${workerModule}
const { pathToFileURL } = require('node:url');
import(pathToFileURL(process.argv[1]).href).then(() => {
  process.stdout.write(JSON.stringify(registrations), () => process.exit(0));
});
`;

/** Enough for the settings to be accepted; nothing connects before the first invocation. */
export const bareSettings = {
  JWT_SECRET: 'no secret: thirty-two bytes or more of text',
  DATA_ENCRYPTION_KEY: 'no secret: thirty-two bytes or more of text',
  CosmosConnection__accountEndpoint: 'https://127.0.0.1/',
  ServiceBusConnection__fullyQualifiedNamespace: '127.0.0.1',
  AzureWebJobsStorage__blobServiceUri: 'https://127.0.0.1/',
  LLM_ALLOW_SIMULATOR: 'true',
};

/** The functions that `entry`, the source or a bundle of it, registers as this part; `cwd` is where nothing else lies. */
export async function functionsOfEntry(entry: string, part: Part, cwd: string): Promise<Omit<FunctionEntry, 'part'>[]> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--eval', loader, entry], {
    cwd,
    env: { ...bareSettings, LYCEUM_PART: part },
    maxBuffer: 16_000_000,
  });
  const registrations = z.array(Registration).parse(JSON.parse(stdout));
  return registrations
    .map(({ name, bindings }) => ({
      name,
      bindings: Object.values(bindings).map(({ name: _drawn, ...binding }) => binding),
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The manifest of an entry: what each of the two apps will have. */
export async function manifestOf(entry: string, cwd: string = projectRoot): Promise<FunctionEntry[]> {
  const apps = await Promise.all(
    (['api', 'worker'] as const).map(async (part) =>
      (await functionsOfEntry(entry, part, cwd)).map(({ name, bindings }) => ({ name, part, bindings })),
    ),
  );
  return apps.flat();
}

/** One function a line, so that a change of one is a change of one line. */
export async function renderManifest(): Promise<string> {
  const entries = await manifestOf(join(projectRoot, 'functions', 'main.ts'));
  return `[\n${entries.map((entry) => `  ${JSON.stringify(entry)}`).join(',\n')}\n]\n`;
}
