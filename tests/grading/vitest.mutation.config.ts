import { defineConfig } from 'vitest/config';

// For Stryker, which runs the tests a thousand times: the rules are pure, so files need no processes of their own.
export default defineConfig({
  test: { include: ['tests/grading/*-rules.test.ts'], isolate: false, fileParallelism: false, testTimeout: 30_000 },
});
