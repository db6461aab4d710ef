import { defineConfig } from 'vitest/config';

// For `npm run mutation`: the tests of the rules alone, because every other test would only run them again, more slowly.
export default defineConfig({
  test: { include: ['tests/**/{rules,*-rules}.test.ts'], pool: 'forks' },
});
