/** Everything that the rules look at: the templates, and the files that have to agree with them. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { type BicepFile, type Resource, readBicep } from './read-bicep.ts';

/** A field of a definition file; what is in it is the business of the rule that reads it. */
type Json = Record<string, unknown>;

export interface Templates {
  /** `.bicep`, by path from the root of the project. */
  files: BicepFile[];
  /** `.bicepparam`; their values are in `variables`. */
  parameterFiles: BicepFile[];
  /** Every JSON file that a template may load, by its path. */
  json: Record<string, unknown>;
  containers: Json[];
  queues: Json[];
  host: { functionTimeout: string; maxConcurrentCalls: number; maxAutoLockRenewalDuration: string };
  /** Undefined where the project has no such file. */
  azureYaml: string | undefined;
  runbook: string | undefined;
}

export interface Place {
  path: string;
  line: number;
  text: string;
}

export interface Finding extends Place {
  rule: string;
}

export interface Rule {
  id: string;
  /** One sentence: what goes wrong where the rule is not kept. */
  why: string;
  check(templates: Templates): Iterable<Place>;
}

export interface Found {
  file: BicepFile;
  resource: Resource;
}

/** The resources of the templates that are made, not only named; of one type where that is given. */
export function resources(templates: Templates, type?: string): Found[] {
  return templates.files.flatMap((file) =>
    file.resources
      .filter((resource) => !resource.isExisting && (type === undefined || resource.type === type))
      .map((resource) => ({ file, resource })),
  );
}

export const place = (file: BicepFile, line: number, text: string): Place => ({ path: file.path, line, text });

const containersSchema = z.object({ containers: z.array(z.record(z.string(), z.unknown())) });
const queuesSchema = z.object({ queues: z.array(z.record(z.string(), z.unknown())) });
const hostSchema = z.object({
  functionTimeout: z.string(),
  extensions: z.object({
    serviceBus: z.object({ maxConcurrentCalls: z.number(), maxAutoLockRenewalDuration: z.string() }),
  }),
});

/** Reads the templates of a project. */
export async function readTemplates(root: string): Promise<Templates> {
  const read = (path: string) => readFileSync(join(root, path), 'utf8');
  const readIfThere = (path: string) => (existsSync(join(root, path)) ? read(path) : undefined);
  const readAll = (pattern: string) => {
    const paths = globSync(pattern, { cwd: root }).map((path) => path.replaceAll('\\', '/'));
    return Promise.all(paths.sort().map((path) => readBicep(path, read(path))));
  };
  const jsonPaths = ['host.json', ...globSync('infra/*.json', { cwd: root })].map((path) => path.replaceAll('\\', '/'));
  const readable = jsonPaths.filter((path) => !path.endsWith('workbook.json'));
  const host = hostSchema.parse(JSON.parse(read('host.json')));
  return {
    files: await readAll('infra/**/*.bicep'),
    parameterFiles: await readAll('infra/**/*.bicepparam'),
    json: Object.fromEntries(readable.map((path): [string, unknown] => [path, JSON.parse(read(path))])),
    containers: containersSchema.parse(JSON.parse(read('infra/containers.json'))).containers,
    queues: queuesSchema.parse(JSON.parse(read('infra/queues.json'))).queues,
    host: { functionTimeout: host.functionTimeout, ...host.extensions.serviceBus },
    azureYaml: readIfThere('azure.yaml'),
    runbook: readIfThere('docs/runbook.md'),
  };
}
