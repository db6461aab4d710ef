import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { compilerFindings, type Outcome } from '../../../tools/infra-check/compiler.ts';
import { templatesOf } from './templates-of.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lyceum-compiler-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Puts a program on the path that notes how it is called and then does what the code says. */
async function program(name: string, code: string): Promise<void> {
  const log = `require('node:fs').appendFileSync(${JSON.stringify(join(folder, 'calls'))}, process.argv.slice(2).join(' ') + '\\n');`;
  const text = `#!${process.execPath}\n${log}\nconst [verb, path] = process.argv.slice(2);\n${code}\n`;
  await mkdir(join(folder, 'bin'), { recursive: true });
  await writeFile(join(folder, 'bin', name), text, { mode: 0o755 });
}

async function compile(): Promise<Outcome> {
  const templates = await templatesOf({
    'infra/main.bicep': 'param a string\n',
    'infra/dev.bicepparam': "using 'main.bicep'\nparam a = readEnvironmentVariable('WHERE')\n",
  });
  return compilerFindings(templates, folder, { PATH: join(folder, 'bin') });
}

// The stand-ins are scripts that say themselves what runs them, which Windows does not know.
describe.skipIf(process.platform === 'win32')('with a compiler on the path', () => {
  test('every template and every parameter file is built and linted', async () => {
    await program('bicep', '');
    expect(await compile()).toEqual({ findings: [] });
    expect((await readFile(join(folder, 'calls'), 'utf8')).trim().split('\n')).toEqual([
      'build infra/main.bicep --stdout',
      'lint infra/main.bicep',
      'build-params infra/dev.bicepparam --stdout',
      'lint infra/dev.bicepparam',
    ]);
  });

  test('a warning is a finding', async () => {
    await program(
      'bicep',
      "if (verb === 'lint' && path.endsWith('.bicep')) console.error('/somewhere/main.bicep(1,7) : Warning no-unused-params: Parameter \"a\" is declared but never used.');",
    );
    expect(await compile()).toEqual({
      findings: [
        {
          rule: 'compiler',
          path: 'infra/main.bicep',
          line: 1,
          text: 'Warning no-unused-params: Parameter "a" is declared but never used.',
        },
      ],
    });
  });

  test('an error is a finding', async () => {
    await program(
      'bicep',
      "if (verb === 'build') { console.error('main.bicep(3,1) : Error BCP018: Expected the \"=\" character.'); process.exit(1); }",
    );
    expect(await compile()).toMatchObject({ findings: [{ line: 3, text: expect.stringContaining('Error BCP018') }] });
  });

  test('a compiler that fails without a message is a finding', async () => {
    await program('bicep', "if (verb === 'build') { console.error('out of memory'); process.exit(1); }");
    expect(await compile()).toMatchObject({ findings: [{ text: 'the compiler failed: out of memory' }] });
  });

  test('the environment that parameter files ask for is there', async () => {
    await program('bicep', "if (process.env.WHERE === undefined) { console.error('WHERE?'); process.exit(1); }");
    expect(await compile()).toEqual({ findings: [] });
  });

  test('the one in the command line of Azure is used where there is no other', async () => {
    await program('az', '');
    expect(await compile()).toEqual({ findings: [] });
    expect((await readFile(join(folder, 'calls'), 'utf8')).split('\n').slice(0, 3)).toEqual([
      'bicep version',
      'bicep build --file infra/main.bicep --stdout',
      'bicep lint --file infra/main.bicep',
    ]);
  });

  test('a command line of Azure without a compiler is not made to download one', async () => {
    await program('az', 'process.exit(1);');
    expect(await compile()).toEqual({ skipped: expect.stringContaining('neither') });
    expect((await readFile(join(folder, 'calls'), 'utf8')).trim()).toBe('bicep version');
  });
});

test('without a compiler it says that nothing was compiled', async () => {
  expect(await compile()).toEqual({ skipped: expect.stringContaining('neither `bicep` nor `az bicep`') });
});
