import { describe, expect, test } from 'vitest';
import { findEnvironmentAccess } from '../../tools/settings-access.ts';

const linesOf = (source: string) => findEnvironmentAccess('probe.ts', source).map(({ line }) => line);

describe('reading the environment of the process', () => {
  test.each([
    ["const key = process.env['KEY'];"],
    ['const key = process.env.KEY;'],
    ["const key = process['env'].KEY;"],
    ['const key = globalThis.process.env.KEY;'],
    ['const { env } = process;'],
    ['const { env: settings } = process;'],
    ["import { env } from 'node:process';"],
    ["import { env as settings } from 'process';"],
  ])('is found in: %s', (source) => {
    expect(linesOf(`\n${source}\n`)).toEqual([2]);
  });

  test.each([
    ['// process.env is read in one place'],
    ["const text = 'process.env';"],
    ['const env = config.env;'],
    ['process.exit(1);'],
    ["import { cwd } from 'node:process';"],
  ])('is not seen in: %s', (source) => {
    expect(linesOf(source)).toEqual([]);
  });
});
