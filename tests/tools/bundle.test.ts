import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { functions } from '../../functions/index.ts';
import { type Bundle, bundle, bundleProduct } from '../../tools/bundle.ts';
import { type FunctionEntry, functionsOfEntry, manifestOf } from '../../tools/function-manifest.ts';
import { projectRoot } from '../../tools/run-command.ts';
import { startVendorStub } from '../adapters/llm/vendor-stub.ts';
import { startCollector } from '../adapters/telemetry/collector.ts';
import { answer, makeCourse, Stack } from '../e2e/stack.ts';
import { until } from '../workers/fixture.ts';

const fixtures = join(projectRoot, 'tests/tools/fixtures');

describe('the bundle', () => {
  let folder: string;

  beforeAll(async () => {
    // Outside the project, so that nothing can be found in its node_modules.
    folder = await mkdtemp(join(tmpdir(), 'lyceum bundle '));
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** The names of the functions that a bundle of the entry registers. */
  async function namesIn(entry: string, name: string): Promise<string[]> {
    const { file } = await bundle(entry, join(folder, name));
    return (await functionsOfEntry(file, 'all', folder)).map((one) => one.name);
  }

  test('loads in a bare process without packages and registers its functions', async () => {
    const names = await namesIn(join(fixtures, 'small-application.ts'), 'small');
    expect(names).toEqual(['get-health', 'get-loudly', 'get-settings', 'get-slowly']);
  });

  test('holds code that finds files from its own address, which CommonJS has no word for', async () => {
    expect(await namesIn(join(fixtures, 'application-with-own-address.ts'), 'address')).toEqual(['get-main-cjs']);
  });

  test('keeps the names of classes that packages look at', async () => {
    expect(await namesIn(join(fixtures, 'application-with-class-names.ts'), 'names')).toEqual([
      'get-JWTExpired',
      'get-StorageSharedKeyCredential',
    ]);
  });

  test('asks both vendors of models, though most of what they offer is left out', async () => {
    const stub = await startVendorStub();
    stub.script(({ vendor }) => ({ kind: 'answer', value: { said: `hello from ${vendor}` } }));
    const { file } = await bundle(join(fixtures, 'script-that-asks-models.ts'), join(folder, 'models'));
    const { stdout } = await promisify(execFile)(process.execPath, [file, stub.anthropicBaseUrl, stub.openaiBaseUrl], {
      cwd: folder,
      env: {},
    });
    await stub.close();
    expect(stdout).toContain('anthropic: {"said":"hello from anthropic"}');
    expect(stdout).toContain('openai: {"said":"hello from openai"}');
  });

  test('checks passkeys, though what reads certificates of authenticators is left out', async () => {
    const { file } = await bundle(join(fixtures, 'script-that-checks-passkeys.ts'), join(folder, 'passkeys'));
    const { stdout } = await promisify(execFile)(process.execPath, [file], { cwd: folder, env: {} });
    expect(stdout.split('\n')).toEqual([
      'honest: recognised',
      'vouching for itself: recognised',
      'with a certificate: not registered',
      'with another format: not registered',
      'forged: not recognised',
    ]);
  });

  test('exports spans both ways, without what the exporter for Application Insights reports about itself', async () => {
    const [otlp, insights] = [await startCollector(), await startCollector()];
    const { file } = await bundle(join(fixtures, 'script-that-exports-spans.ts'), join(folder, 'telemetry'));
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [file, otlp.url, insights.url], {
      cwd: folder,
      env: {},
    });
    await Promise.all([otlp.close(), insights.close()]);
    expect([stdout, stderr]).toEqual(['done\n', '']);
    expect(otlp.spans()).toMatchObject([{ name: 'one span', service: 'bundled' }]);
    expect(insights.received.map(({ path }) => path)).toEqual(['/v2.1/track']);
    expect(insights.received[0]?.text).toContain('"one span"');
    const text = await readFile(file, 'utf8');
    // The loop that asks for settings from afar, and the counters of itself.
    expect(text).not.toContain('x-ms-onesetinterval');
    expect(text).not.toContain('PeriodicExportingMetricReader');
  });

  test('comes with the licences of the packages in it', async () => {
    await bundle(join(fixtures, 'small-application.ts'), join(folder, 'licences'));
    const licences = await readFile(join(folder, 'licences', 'main.cjs.LICENSES.txt'), 'utf8');
    expect(licences).toContain('@azure/functions 4.');
    expect(licences).toMatch(/Permission is hereby granted/);
  });

  describe('of the product', () => {
    let product: Bundle;
    let apps: FunctionEntry[];

    beforeAll(async () => {
      product = await bundleProduct(join(folder, 'product'));
      apps = await manifestOf(product.file, folder);
    });

    test('has the functions and bindings that the sources declare and the repository records', async () => {
      const recorded: unknown = JSON.parse(await readFile(join(projectRoot, 'infra/functions.json'), 'utf8'));
      expect(apps).toEqual(recorded);
      expect(await manifestOf(join(projectRoot, 'functions/main.ts'))).toEqual(recorded);
    });

    test('gives both apps together what one process on a laptop has, and none of it twice', async () => {
      const all = await functionsOfEntry(product.file, 'all', folder);
      expect(apps.map((one) => one.name).sort()).toEqual(all.map((one) => one.name).sort());
      const declared = functions.map((one) => one.name).filter((name) => name !== 'get-root');
      expect(all.map((one) => one.name)).toEqual(expect.arrayContaining(declared));
    });

    test('works off queues in one app and answers people, clocks and change feeds in the other', async () => {
      const triggersOf = (part: string) =>
        [...new Set(apps.filter((one) => one.part === part).map((one) => one.bindings[0]?.['type']))].sort();
      expect(triggersOf('worker')).toEqual(['serviceBusTrigger']);
      expect(triggersOf('api')).toEqual(['cosmosDBTrigger', 'httpTrigger', 'timerTrigger']);
    });

    test('works: it takes an answer in, sends it through the queue, grades it, and exports a span for every call', async () => {
      const collector = await startCollector();
      const stack = await Stack.create({
        LYCEUM_APPLICATION: product.file,
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      });
      try {
        await stack.start();
        expect((await stack.call<{ status: string }>('GET', '/health/ready')).body.status).toBe('ok');
        const { students, entries } = await makeCourse(stack, 1, 1);
        const token = students[0] ?? '';
        const made = await stack.call<{ submission_id: string }>('POST', `/api/student/entries/${entries[0]}/submit`, {
          token,
          json: { submission_title: 'Mine', content: answer('of the bundle') },
        });
        const path = `/api/student/submissions/${made.body.submission_id}`;
        const outcome = await until('an outcome', async () => {
          const { body } = await stack.call<{ outcome: { outcome_data: { points: number } } | null }>('GET', path, {
            token,
          });
          return body.outcome ?? undefined;
        });
        expect(outcome.outcome_data.points).toBeGreaterThan(0);
        await stack.stop('SIGTERM');
        // Already the first call, for which the process was started, has a span, and the end of the process exports the last.
        const calls = stack.log().match(/"event":"(request|job)"/g) ?? [];
        const spans = collector.spans().filter((span) => span.kind === 1);
        expect(spans.length).toBe(calls.length);
        expect(collector.spans().map((span) => span.name)).toContain('chat simulator');
      } finally {
        await stack.remove();
        await collector.close();
      }
    });

    test('stays within the size that a cold start can bear', () => {
      expect(product.bytes).toBeLessThan(3_500_000);
    });
  });
});
