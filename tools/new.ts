/**
 * `npm run new -- endpoint <area>/<verb-noun>`: writes a function, its line in functions/index.ts and its test, all three
 * of which a person then fills in.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { projectRoot } from './run-command.ts';

const usage = 'Usage: npm run new -- endpoint <area>/<verb-noun>     for example: assessment/get-rubric';

const methods: Record<string, { method: string; policy: string }> = {
  create: { method: 'POST', policy: 'write' },
  submit: { method: 'POST', policy: 'write' },
  update: { method: 'PATCH', policy: 'write' },
  replace: { method: 'PUT', policy: 'write' },
  delete: { method: 'DELETE', policy: 'write' },
  remove: { method: 'DELETE', policy: 'write' },
};

export interface NewEndpoint {
  area: string;
  name: string;
}

/** @throws Error that says what is wrong with the name. */
export function parseEndpointName(text: string): NewEndpoint {
  const match = /^([a-z][a-z0-9]*(?:-[a-z0-9]+)*)\/([a-z][a-z0-9]*(?:-[a-z0-9]+)+)$/.exec(text);
  const [, area, name] = match ?? [];
  if (area === undefined || name === undefined) {
    throw new Error(`'${text}' is not <area>/<verb-noun> in small letters with dashes.\n${usage}`);
  }
  // The Functions host takes no longer names.
  if (name.length > 100) throw new Error(`'${name}' is longer than 100 characters.`);
  return { area, name };
}

const camelCase = (name: string) => name.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
const title = (name: string) => name.charAt(0).toUpperCase() + name.slice(1).replaceAll('-', ' ');

function functionText({ area, name }: NewEndpoint): string {
  const [verb = '', ...noun] = name.split('-');
  const { method, policy } = methods[verb] ?? { method: 'GET', policy: 'read' };
  return `import { z } from 'zod';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';

export default defineEndpoint({
  name: '${name}',
  method: '${method}',
  route: 'api/v1/${area}/${noun.join('-')}',
  tag: '${title(area)}',
  summary: '${title(name)}.',
  auth: 'public',
  rateLimit: '${policy}',
  success: { status: 200, schema: z.object({ message: z.string().describe('What a person reads.') }) },
  errors: [],
  handler: () => ({ message: '${title(name)}' }),
});
`;
}

function testText({ area, name }: NewEndpoint): string {
  return `import { describe, expect, test } from 'vitest';
import ${camelCase(name)} from '../../../functions/${area}/${name}.ts';
import { functions } from '../../../functions/index.ts';

// Credentials, roles, malformed input and the shape of answers are tested for every function of the list.
describe('${name}', () => {
  test('is one of the functions', () => {
    expect(functions).toContain(${camelCase(name)});
  });
});
`;
}

/** Puts the import beside its area's others and the name at the end of the area's group, or of the list. */
export function addToIndex(index: string, { area, name }: NewEndpoint): string {
  const line = `import ${camelCase(name)} from './${area}/${name}.ts';`;
  const lines = index.split('\n');
  const paths = lines.map((text) => /^import .* from '(\.\/.*)';$/.exec(text)?.[1]);
  const path = `./${area}/${name}.ts`;
  const after = paths.findLastIndex((one) => one !== undefined && one < path);
  const first = paths.findIndex((one) => one !== undefined);
  lines.splice(after >= 0 ? after + 1 : Math.max(first, 0), 0, line);

  const text = lines.join('\n');
  const start = /^export const functions\b[^=]*=\s*\[/m.exec(text);
  const end = start === null ? -1 : text.indexOf(']', start.index + start[0].length);
  if (start === null || end < 0) throw new Error('functions/index.ts has no `export const functions = [...]`.');
  const siblings = paths.flatMap((one, i) =>
    one?.startsWith(`./${area}/`) ? [/^import (\w+)/.exec(index.split('\n')[i] ?? '')?.[1] ?? ''] : [],
  );
  const list = text.slice(start.index + start[0].length, end);
  const lastSibling = siblings
    .map((sibling) => new RegExp(`^ *${sibling},.*$`, 'm').exec(list))
    .filter((match) => match !== null)
    .sort((a, b) => b.index - a.index)[0];
  const entry = `  ${camelCase(name)},`;
  if (lastSibling !== undefined) {
    const at = start.index + start[0].length + lastSibling.index + lastSibling[0].length;
    return `${text.slice(0, at)}\n${entry}${text.slice(at)}`;
  }
  return `${text.slice(0, end).trimEnd()}\n\n  // ${title(area)}\n${entry}\n${text.slice(end)}`;
}

/** Writes the three files below `root`; answers their paths. @throws Error when one is there already; nothing is written then. */
export function createEndpoint(root: string, endpoint: NewEndpoint): string[] {
  const { area, name } = endpoint;
  const source = join('functions', area, `${name}.ts`);
  const test = join('tests', 'functions', area, `${name}.test.ts`);
  const index = join('functions', 'index.ts');
  for (const path of [source, test]) if (existsSync(join(root, path))) throw new Error(`${path} exists already.`);
  const indexText = readFileSync(join(root, index), 'utf8');
  if (new RegExp(`\\b${camelCase(name)}\\b`).test(indexText))
    throw new Error(`functions/index.ts has a ${camelCase(name)} already.`);
  const newIndex = addToIndex(indexText, endpoint);
  for (const [path, text] of [
    [source, functionText(endpoint)],
    [test, testText(endpoint)],
    [index, newIndex],
  ] as const) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return [source, index, test];
}

if (import.meta.main) {
  const [kind, name, ...rest] = process.argv.slice(2);
  try {
    if (kind !== 'endpoint' || name === undefined || rest.length > 0) throw new Error(usage);
    for (const path of createEndpoint(projectRoot, parseEndpointName(name))) console.log(path);
    console.log('Now say in the function what it takes, answers and calls, and run: npm run generate && npm test');
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
