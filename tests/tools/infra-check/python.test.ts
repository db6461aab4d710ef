import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { pythonFindings, readCheckovReport, readParserReport } from '../../../tools/infra-check/python.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lyceum-python-'));
  await mkdir(join(folder, 'infra'));
  await mkdir(join(folder, 'bin'));
  await writeFile(join(folder, 'infra', 'requirements-check.txt'), '# why\nchecker==1.0\nparser==2.0\n');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const check = (comment: string | null) => ({
  check_id: 'CKV_AZURE_1',
  check_name: 'Ensure it',
  file_path: '/modules/a.bicep',
  file_line_range: [3, 9],
  resource: 'Some.type.a',
  check_result: { suppress_comment: comment },
});
const report = (results: object) =>
  JSON.stringify({
    results: { passed_checks: [{}], failed_checks: [], skipped_checks: [], parsing_errors: [], ...results },
  });

/** A Python that makes an environment whose programs are scripts of ours. */
async function fakePython(code: { venv?: string; pip?: string; parser?: string; checkov?: string }): Promise<void> {
  const script = (text: string) => JSON.stringify(`#!${process.execPath}\n${text}\n`);
  const log = `require('node:fs').appendFileSync(${JSON.stringify(join(folder, 'calls'))}, process.argv.slice(2).join(' ') + '\\n');`;
  const inside = `${log} if (process.argv.includes('pip')) { ${code.pip ?? ''} } else { ${code.parser ?? "console.log('[]')"} }`;
  const checkov = code.checkov ?? `console.log(${JSON.stringify(report({}))})`;
  const venv = `${code.venv ?? ''}
const { mkdirSync, writeFileSync } = require('node:fs');
const bin = process.argv[4] + '/bin';
mkdirSync(bin, { recursive: true });
writeFileSync(bin + '/python', ${script(inside)}, { mode: 0o755 });
writeFileSync(bin + '/checkov', ${script(checkov)}, { mode: 0o755 });`;
  await writeFile(join(folder, 'bin', 'python3'), `#!${process.execPath}\n${venv}\n`, { mode: 0o755 });
}

const runIt = () => pythonFindings(folder, ['infra/a.bicep'], { PATH: join(folder, 'bin') });

// The stand-ins are scripts that say themselves what runs them, which Windows does not know.
describe.skipIf(process.platform === 'win32')('with Python', () => {
  test('what is wanted is installed once, the first with what it asks for and the others over it', async () => {
    await fakePython({});
    expect(await runIt()).toEqual({ findings: [] });
    expect(await runIt()).toEqual({ findings: [] });
    const installs = (await readFile(join(folder, 'calls'), 'utf8')).split('\n').filter((line) => line.includes('pip'));
    expect(installs).toEqual([
      expect.stringMatching(/^-m pip install (?!.*--no-deps).* checker==1\.0$/),
      expect.stringMatching(/--no-deps parser==2\.0$/),
    ]);
  });

  test('without the network nothing fails, and it says so', async () => {
    await fakePython({ pip: "console.error('ERROR: no matching distribution'); process.exit(1);" });
    expect(await runIt()).toEqual({ skipped: 'checkov and pycep: checker==1.0: ERROR: no matching distribution' });
  });

  test('without environments nothing fails, and it says so', async () => {
    await fakePython({ venv: "console.error('ensurepip is not available'); process.exit(1);" });
    expect(await runIt()).toEqual({ skipped: 'checkov and pycep: no environment: ensurepip is not available' });
  });

  test('what both found is told', async () => {
    await fakePython({
      parser: `console.log(${JSON.stringify(JSON.stringify([{ path: 'infra/a.bicep', text: 'Unexpected' }]))})`,
      checkov: `console.error('a warning'); console.log(${JSON.stringify(report({ failed_checks: [check(null)] }))}); process.exit(1)`,
    });
    expect(await runIt()).toMatchObject({ findings: [{ rule: 'pycep' }, { rule: 'CKV_AZURE_1' }] });
  });
});

test.skipIf(process.platform === 'win32')('a checker that breaks is a finding', async () => {
  await fakePython({ checkov: "console.error('Traceback'); process.exit(1)" });
  expect(await runIt()).toEqual({ findings: [{ rule: 'checkov', path: 'infra', line: 1, text: 'failed: Traceback' }] });
});

test('without Python nothing fails, and it says so', async () => {
  expect(await runIt()).toEqual({ skipped: 'checkov and pycep: Python is not installed' });
});

describe('what checkov says', () => {
  test('a check that failed is a finding', () => {
    expect(readCheckovReport(report({ failed_checks: [check(null)] }))).toEqual([
      { rule: 'CKV_AZURE_1', path: 'infra/modules/a.bicep', line: 3, text: 'Some.type.a: Ensure it' },
    ]);
  });

  test('a suppression with a reason is none', () => {
    expect(readCheckovReport(report({ skipped_checks: [check(' a parameter decides')] }))).toEqual([]);
  });

  test.each(['', 'No comment provided', null])('a suppression without a reason (%j) is one', (comment) => {
    expect(readCheckovReport(report({ skipped_checks: [check(comment)] }))).toHaveLength(1);
  });

  test('a file that it could not read is one', () => {
    expect(readCheckovReport(report({ parsing_errors: ['/main.bicep'] }))).toMatchObject([
      { text: 'could not be read' },
    ]);
  });

  test('a run that checked nothing is one', () => {
    expect(readCheckovReport(report({ passed_checks: [] }))).toMatchObject([{ text: 'checked nothing' }]);
  });
});

test('what the second parser cannot read is a finding', () => {
  expect(readParserReport('[{"path": "infra/a.bicep", "text": "Unexpected token"}]')).toEqual([
    { rule: 'pycep', path: 'infra/a.bicep', line: 1, text: 'Unexpected token' },
  ]);
});
