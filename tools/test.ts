/**
 * `npm test`: all checks, then all tests, and at the end one line that counts both. Arguments go to vitest and leave the
 * checks out: `npm test -- tests/grading`.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runChecks } from './check.ts';
import { runNodeScriptHere } from './run-command.ts';

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/** The part of vitest's JSON report that is counted. */
interface TestReport {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
  testResults: { status: string; assertionResults: unknown[] }[];
}

/** A file that could not even be loaded holds no tests, and counts as one failure; so does a run that ended badly otherwise. */
export function countTests(report: TestReport | undefined, exitCode: number): Counts {
  if (report === undefined) return { passed: 0, failed: 1, skipped: 0 };
  const unloadable = report.testResults.filter((f) => f.status === 'failed' && f.assertionResults.length === 0).length;
  const failed = report.numFailedTests + unloadable;
  return {
    passed: report.numPassedTests,
    failed: failed === 0 && exitCode !== 0 ? 1 : failed,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

export function countsLine({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

async function runTests(args: readonly string[]): Promise<Counts> {
  const folder = await mkdtemp(join(tmpdir(), 'lyceum-tests-'));
  const file = join(folder, 'report.json');
  const exitCode = await runNodeScriptHere('node_modules/vitest/vitest.mjs', [
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${file}`,
    ...args,
  ]);
  const text = await readFile(file, 'utf8').catch(() => undefined);
  await rm(folder, { recursive: true, force: true });
  // vitest's own report, in the form it documents; a report that is not there counts as a failed run.
  return countTests(text === undefined ? undefined : (JSON.parse(text) as TestReport), exitCode);
}

if (import.meta.main) {
  const args = process.argv.slice(2);
  const checks = args.length > 0 ? { passed: 0, failed: 0 } : await runChecks();
  const tests = await runTests(args);
  if (args.length === 0) {
    console.log(`Checks: ${checks.passed} of ${checks.passed + checks.failed} passed. Tests: ${countsLine(tests)}.`);
  }
  const total = { ...tests, passed: tests.passed + checks.passed, failed: tests.failed + checks.failed };
  console.log(countsLine(total));
  process.exitCode = total.failed === 0 ? 0 : 1;
}
