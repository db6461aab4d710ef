import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { projectRoot } from '../../tools/run-command.ts';

interface Violation {
  rule: string;
  from: string;
}

/** Per rule: files that break it, the first of them the one that must be named. */
const breaches: Record<string, Record<string, string>> = {
  'no-cycles': {
    'shared/loop/one.ts': "import { two } from './two.ts';\nexport const one = () => two;\n",
    'shared/loop/two.ts': "import { one } from './one.ts';\nexport const two = () => one;\n",
  },
  'functions-only-call-services': {
    'functions/essays/read-essay.ts':
      "import { essays } from '../../shared/essays/repository.ts';\nexport default essays;\n",
  },
  'the-index-only-lists': {
    'functions/index.ts': "import { essays } from '../shared/essays/service.ts';\nexport default [essays];\n",
  },
  'services-do-not-reach-up': {
    'shared/essays/service.ts': "import { services } from '../services.ts';\nexport const essays = services;\n",
  },
  'the-root-composes': {
    'shared/marks/composed.ts': "import { posted } from '../composition/post.ts';\nexport const composed = posted;\n",
  },
  'services-keep-to-their-own-repository': {
    'shared/marks/marks-service.ts':
      "import { essays } from '../essays/repository.ts';\nexport const marks = essays;\n",
  },
  'grading-shares-coursework-only': {
    'shared/grading/job-service.ts': "import { essays } from '../essays/repository.ts';\nexport const jobs = essays;\n",
  },
  'rules-are-pure': {
    'shared/essays/rules.ts': "import { clock } from '../platform/clock.ts';\nexport const decide = clock;\n",
  },
  'rules-reach-nothing-impure': {
    'shared/essays/late-rules.ts': "import { words } from './words.ts';\nexport const late = words;\n",
    'shared/essays/words.ts': "import { readFileSync } from 'node:fs';\nexport const words = readFileSync;\n",
  },
  'schemas-know-only-schemas': {
    'shared/essays/schemas.ts': "import { plain } from './plain.ts';\nexport const Essay = plain;\n",
    'shared/essays/plain.ts': 'export const plain = 1;\n',
  },
  'repositories-only-build-operations': {
    'shared/essays/repository.ts': "import { plain } from './plain.ts';\nexport const essays = plain;\n",
  },
  'adapters-know-no-domain': {
    'shared/adapters/post/client.ts': "import { plain } from '../../essays/plain.ts';\nexport const post = plain;\n",
  },
  'the-platform-knows-no-domain': {
    'shared/platform/clock.ts': "import { plain } from '../essays/plain.ts';\nexport const clock = plain;\n",
  },
  'adapters-are-made-in-one-place': {
    'shared/marks/service.ts': "import { post } from '../adapters/post/client.ts';\nexport const marks = post;\n",
  },
  'shipped-code-stands-alone': {
    'shared/marks/plain.ts': "import { fake } from '../../local/fake.ts';\nexport const plain = fake;\n",
    'local/fake.ts': 'export const fake = 1;\n',
  },
  'vendor-sdks-stay-in-adapters': {
    'shared/marks/vendor.ts': "import { CosmosClient } from '@azure/cosmos';\nexport const client = CosmosClient;\n",
  },
  'no-development-packages': {
    'shared/marks/dev.ts': "import fastify from 'fastify';\nexport const server = fastify;\n",
  },
  'stand-ins-speak-protocols': {
    'local/cosmos/server.ts': "import { plain } from '../../shared/essays/plain.ts';\nexport const server = plain;\n",
  },
  'nothing-unresolved': {
    'shared/marks/lost.ts': "import { gone } from './gone.ts';\nexport const lost = gone;\n",
  },
};

/** What the layers may do; nothing here may be reported. */
const allowed: Record<string, string> = {
  'functions/good/read-good.ts':
    "import { good } from '../../shared/good/service.ts';\nimport { Good } from '../../shared/good/schemas.ts';\nexport default [good, Good];\n",
  'shared/good/schemas.ts': "import { z } from 'zod';\nexport const Good = z.object({});\n",
  'shared/good/repository.ts':
    "import type { Client } from '../adapters/cosmos/client.ts';\nimport { Good } from './schemas.ts';\nexport const read = (c: Client) => [c, Good];\n",
  'shared/good/rules.ts':
    "import { createHash } from 'node:crypto';\nimport { Good } from './schemas.ts';\nexport const decide = () => [createHash, Good];\n",
  'shared/good/service.ts':
    "import type { Client } from '../adapters/cosmos/client.ts';\nimport { read } from './repository.ts';\nimport { decide } from './rules.ts';\nexport const good = (c: Client) => [read(c), decide()];\n",
  'shared/adapters/cosmos/client.ts':
    "import type { CosmosClient } from '@azure/cosmos';\nexport type Client = CosmosClient;\n",
  'shared/composition/post.ts':
    "import { post } from '../adapters/post/client.ts';\nimport { good } from '../good/service.ts';\nimport { read } from '../good/repository.ts';\nexport const posted = [post, good, read];\n",
  'shared/services.ts':
    "import { post } from './adapters/post/client.ts';\nimport { posted } from './composition/post.ts';\nimport { good } from './good/service.ts';\nexport const services = [post, posted, good];\n",
};

function run(file: string, args: readonly string[], cwd: string): Promise<string> {
  return new Promise((resolve) => {
    execFile(process.execPath, [file, ...args], { cwd, maxBuffer: 64 * 1024 * 1024 }, (_error, stdout, stderr) =>
      resolve(stdout || stderr),
    );
  });
}

async function cruise(folder: string): Promise<Violation[]> {
  const output = await run(
    join(projectRoot, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs'),
    [
      '--config',
      '.dependency-cruiser.cjs',
      '--output-type',
      'json',
      ...(await readdir(folder)).filter((n) => /^[a-z]+$/.test(n)),
    ],
    folder,
  );
  const { summary } = JSON.parse(output) as { summary: { violations: { rule: { name: string }; from: string }[] } };
  return summary.violations.map(({ rule, from }) => ({ rule: rule.name, from }));
}

describe('the boundaries between the layers', () => {
  let folder: string;
  let violations: Violation[];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lyceum boundaries '));
    for (const name of ['.dependency-cruiser.cjs', 'tsconfig.json', 'package.json'])
      await cp(join(projectRoot, name), join(folder, name));
    await symlink(join(projectRoot, 'node_modules'), join(folder, 'node_modules'), 'junction');
    for (const [path, text] of Object.entries(
      Object.assign({}, allowed, ...Object.values(breaches)) as Record<string, string>,
    )) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), text);
    }
    violations = await cruise(folder);
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  const config = createRequire(import.meta.url)('../../.dependency-cruiser.cjs') as { forbidden: { name: string }[] };

  test('every rule of the configuration has a breach here that shows that it bites', () => {
    expect(config.forbidden.map((rule) => rule.name).sort()).toEqual(Object.keys(breaches).sort());
  });

  test.each(Object.keys(breaches))('a breach of %s is reported', (rule) => {
    const [culprit] = Object.keys(breaches[rule] ?? {});
    expect(violations).toContainEqual({ rule, from: culprit });
  });

  test('what the layers may do is not reported', () => {
    expect(violations.filter(({ from }) => from in allowed)).toEqual([]);
  });
});
