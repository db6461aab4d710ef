import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { alertFor, LogFile } from '../../local/screen.ts';

describe('the log file', () => {
  test('becomes the older generation when it is full, and a new one begins', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'lyceum log '));
    const path = join(folder, 'logs', 'functions.log');
    const log = new LogFile(path);
    log.write('x'.repeat(11 * 1024 * 1024));
    log.write('after\n');
    expect(await readFile(path, 'utf8')).toBe('after\n');
    expect((await stat(`${path}.1`)).size).toBe(11 * 1024 * 1024);
    await rm(folder, { recursive: true, force: true });
  });

  test('is continued by the next start', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'lyceum log '));
    const path = join(folder, 'functions.log');
    new LogFile(path).write('one\n');
    new LogFile(path).write('two\n');
    expect(await readFile(path, 'utf8')).toBe('one\ntwo\n');
    await rm(folder, { recursive: true, force: true });
  });
});

describe('the terminal', () => {
  test.each([
    ['{"level":"error","operation":"grade-submission","event":"job"}', '! grade-submission: job'],
    ['{"level":"critical","source":"host","message":"A promise was rejected"}', '! host: A promise was rejected'],
  ])('shows an error in one line: %s', (line, text) => {
    expect(alertFor(line)).toBe(text);
  });

  test.each(['{"level":"info","event":"request"}', '{"level":"warn","event":"slow"}', '{broken', 'text', ''])(
    'shows nothing for %s',
    (line) => {
      expect(alertFor(line)).toBeUndefined();
    },
  );
});
