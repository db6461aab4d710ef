import type { KnipConfig } from 'knip';

/** Dead code and unused packages. Every exception below says why it is one. */
const config: KnipConfig = {
  entry: [
    'functions/main.ts',
    'local/{start,stack}.ts',
    'tools/*.{ts,mjs}',
    'bench/*.bench.ts',
    // Run by hand: its table is in docs/rate-limits.md.
    'bench/rate-limit/simulate.ts',
    'tests/**/*.test.ts',
    // Generated for those who call the API; nothing here uses it.
    'client/lyceum.ts',
    // Started by path, in a thread or process of their own.
    '{local,shared,tests}/**/*-{thread,process,worker}.ts',
    // Loaded by tests as an application of their own.
    'tests/**/fixtures/**/*.ts',
  ],
  project: ['{functions,shared,local,client,tools,bench,tests}/**/*.{ts,mjs}'],
  ignoreDependencies: [
    // Run by their path, which knip does not follow: the checks (tools/check.ts) and Azurite (local/azurite-worker.ts).
    '@biomejs/biome',
    'dependency-cruiser',
    'azurite',
    // Its grammar is loaded as a file (tools/infra-check/read-bicep.ts).
    'tree-sitter-bicep',
    // Its style sheet and script are read as files and served at /docs.
    'swagger-ui-dist',
  ],
  // An export that only its own file uses is at worst a needless word; one that nobody uses is dead.
  ignoreExportsUsedInFile: true,
};

export default config;
