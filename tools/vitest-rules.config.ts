import { defineConfig } from 'vitest/config';

// For `npm run mutation`, which runs the tests of the rules a thousand times: they are pure, so files need no processes of
// their own, and every other test would only run them again, more slowly.
export default defineConfig({
  test: {
    include: ['tests/**/{rules,*-rules}.test.ts'],
    isolate: false,
    fileParallelism: false,
    testTimeout: 30_000,
  },
});
