import { describe, expect, test } from 'vitest';
import { countsLine, countTests } from '../../tools/test.ts';

const report = { numPassedTests: 3, numFailedTests: 0, numPendingTests: 1, numTodoTests: 1, testResults: [] };

describe('the closing line of a test run', () => {
  test('counts passed, failed and skipped tests', () => {
    expect(countsLine(countTests({ ...report, numFailedTests: 2 }, 1))).toBe('3 passed, 2 failed, 2 skipped');
  });

  test('does not mention skipped tests when there are none', () => {
    expect(countsLine({ passed: 4, failed: 0, skipped: 0 })).toBe('4 passed, 0 failed');
  });

  test('counts a file that could not be loaded as a failure', () => {
    const counts = countTests({ ...report, testResults: [{ status: 'failed', assertionResults: [] }] }, 1);
    expect(counts.failed).toBe(1);
  });

  test('never calls a run that ended badly a success, even when every test passed', () => {
    expect(countTests(report, 1).failed).toBe(1);
  });

  test('counts a run without a report as a failure', () => {
    expect(countTests(undefined, 0)).toEqual({ passed: 0, failed: 1, skipped: 0 });
  });
});
