import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { addToIndex, createEndpoint, parseEndpointName } from '../../tools/new.ts';
import { projectRoot } from '../../tools/run-command.ts';

const index = `import listEssays from './essays/list-essays.ts';
import readHealth from './operations/read-health.ts';

/** The table of contents. */
export const functions: readonly LyceumFunction[] = [
  // Essays
  listEssays,

  // Operations
  readHealth,
];
`;

describe('npm run new', () => {
  let root: string;

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'lyceum new '));
    await mkdir(join(root, 'functions'), { recursive: true });
    await writeFile(join(root, 'functions/index.ts'), 'export const functions = [];\n');
  });

  afterEach(() => rm(root, { recursive: true, force: true }));

  test('writes a function, its line in the index and its test, and the three fit together', async () => {
    const paths = createEndpoint(root, parseEndpointName('essays/create-first-draft'));
    expect(paths).toEqual([
      'functions/essays/create-first-draft.ts',
      'functions/index.ts',
      'tests/functions/essays/create-first-draft.test.ts',
    ]);
    await cp(join(projectRoot, 'shared/platform'), join(root, 'shared/platform'), { recursive: true });
    await symlink(join(projectRoot, 'node_modules'), join(root, 'node_modules'), 'junction');
    await writeFile(join(root, 'package.json'), '{"type":"module"}');
    await writeFile(join(root, 'vitest.config.ts'), "export default { test: { include: ['tests/**/*.test.ts'] } };\n");
    const result = await new Promise<{ failed: boolean; output: string }>((resolve) => {
      const args = [join(projectRoot, 'node_modules/vitest/vitest.mjs'), 'run', '--root', root];
      execFile(process.execPath, args, { cwd: root }, (error, stdout, stderr) =>
        resolve({ failed: error !== null, output: stdout + stderr }),
      );
    });
    expect(result.failed, result.output).toBe(false);
    expect(result.output).toContain('1 passed');
  });

  test('gives a function the method that its verb means', async () => {
    createEndpoint(root, parseEndpointName('essays/replace-draft'));
    createEndpoint(root, parseEndpointName('essays/read-draft'));
    const methodOf = async (name: string) =>
      /method: '(\w+)'/.exec(await readFile(join(root, `functions/essays/${name}.ts`), 'utf8'))?.[1];
    expect(await methodOf('replace-draft')).toBe('PUT');
    expect(await methodOf('read-draft')).toBe('GET');
  });

  test('keeps the imports of the index in order and puts the name with its area', () => {
    expect(addToIndex(index, { area: 'essays', name: 'read-essay' })).toBe(
      index
        .replace("list-essays.ts';\n", "list-essays.ts';\nimport readEssay from './essays/read-essay.ts';\n")
        .replace('  listEssays,\n', '  listEssays,\n  readEssay,\n'),
    );
  });

  test('opens a group for a new area', () => {
    const text = addToIndex(index, { area: 'marks', name: 'read-mark' });
    expect(text).toContain("essays.ts';\nimport readMark from './marks/read-mark.ts';\nimport readHealth");
    expect(text).toContain('  readHealth,\n\n  // Marks\n  readMark,\n];');
  });

  test.each([
    'essays',
    'essays/read',
    'Essays/read-essay',
    'essays/read_essay',
    '../read-essay',
    'essays/read-essay/x',
    'essays/read-',
    '/read-essay',
    'essays/1-essay',
  ])('refuses the name %s', (name) => {
    expect(() => parseEndpointName(name)).toThrow(/is not <area>\/<verb-noun>/);
  });

  test('overwrites nothing: a function that exists is refused and all files stay as they were', async () => {
    createEndpoint(root, parseEndpointName('essays/read-draft'));
    await writeFile(join(root, 'functions/essays/read-draft.ts'), '// mine\n');
    const before = await readFile(join(root, 'functions/index.ts'), 'utf8');
    expect(() => createEndpoint(root, parseEndpointName('essays/read-draft'))).toThrow(/exists already/);
    expect(await readFile(join(root, 'functions/essays/read-draft.ts'), 'utf8')).toBe('// mine\n');
    expect(await readFile(join(root, 'functions/index.ts'), 'utf8')).toBe(before);
  });

  test('refuses the name of a function of another area, because names are unique in an application', () => {
    createEndpoint(root, parseEndpointName('essays/read-draft'));
    expect(() => createEndpoint(root, parseEndpointName('marks/read-draft'))).toThrow(/has a readDraft already/);
  });
});
