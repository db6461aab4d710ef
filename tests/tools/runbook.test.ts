import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { projectRoot } from '../../tools/run-command.ts';

const read = (path: string) => readFileSync(join(projectRoot, path), 'utf8');
const runbook = read('docs/runbook.md');
const sections = runbook.split(/^## /m).slice(1);

describe('docs/runbook.md', () => {
  test.each(
    sections.filter((section) => !section.startsWith('Before')).map((section) => [section.split('\n')[0], section]),
  )('%s says what it means, who notices, where to look, how to mend it and when it is over', (_title, section) => {
    for (const part of ['**Means**', '**Noticed**', '**Look first**', '**Mend**', '**Over**'])
      expect(section).toContain(part);
  });

  test('names only settings and parameters that there are', () => {
    const known = `${read('docs/settings.md')} ${read('infra/main.bicep')}`;
    const settings = [...runbook.matchAll(/`((?:LLM|GRADING|AUTH)_[A-Z_]+)`/g)].map(([, name = '']) => name);
    const parameters = [...runbook.matchAll(/`([a-z]+(?:[A-Z][a-z]+)+)`/g)].map(([, name = '']) => name);
    const ofAzure = ['activeMessageCount', 'keysOff'];
    expect([...settings, ...parameters].filter((name) => !known.includes(name) && !ofAzure.includes(name))).toEqual([]);
  });
});

test.each(['README.md', 'docs/runbook.md', ...globSync('docs/how-to/*.md', { cwd: projectRoot })])(
  '%s leads only to pages that exist',
  (page) => {
    const links = [...read(page).matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, path = '']) => path);
    expect(links.filter((path) => !existsSync(join(projectRoot, dirname(page), path)))).toEqual([]);
  },
);

test.each([
  'runbook.md',
  'decisions/078-delivery.md',
  ...['bring-your-domain', 'costs', 'restore', 'rotate-keys', 'run-with-core-tools', 'scale'].map(
    (page) => `how-to/${page}.md`,
  ),
])('docs/%s says near its top what was not tried', (page) => {
  const top = page.startsWith('decisions')
    ? read(`docs/${page}`)
    : read(`docs/${page}`).split('\n').slice(0, 12).join('\n');
  expect(top).toMatch(/not tried|was tried against|been run|could not be verified|was measured|was billed/);
});
