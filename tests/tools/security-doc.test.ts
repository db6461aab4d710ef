import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { projectRoot } from '../../tools/run-command.ts';

const text = readFileSync(join(projectRoot, 'docs/security.md'), 'utf8');
const requirements = text.split('\n').filter((line) => /^\| \d+\.\d+/.test(line));

test('every test that docs/security.md names exists', () => {
  const named = [...text.matchAll(/`(tests\/[\w/.-]+\.test\.ts)`/g)].map(([, path = '']) => path);
  expect(named.length).toBeGreaterThan(50);
  expect(named.filter((path) => !existsSync(join(projectRoot, path)))).toEqual([]);
});

test('every requirement in docs/security.md names a test, or says why there is none', () => {
  expect(requirements.length).toBeGreaterThan(40);
  expect(requirements.filter((line) => !/`tests\/|\((front end|nothing to test)\) \|$/.test(line))).toEqual([]);
});
