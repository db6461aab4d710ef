import { defineConfig } from 'vitest/config';

// Each file runs in its own process with its own stack (databases, queues, ports), so files never see one another.
export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    teardownTimeout: 10_000,
    // What is polled often comes from another thread or process, which a busy machine holds up.
    expect: { poll: { timeout: 10_000 } },
    reporters: process.env['CI'] ? ['default'] : ['default'],
  },
});
