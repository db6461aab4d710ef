import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import containers from '../../infra/containers.json' with { type: 'json' };
import { projectRoot } from '../run-command.ts';

interface OperationCost {
  operation: string;
  containers: string[];
  partition: string;
  cosmos_calls: number;
  request_units_max: number;
  note?: string;
}

const markers = { start: '<!-- generated: start -->', end: '<!-- generated: end -->' };

function containerTable(): string[] {
  return [
    '## Containers',
    '',
    '| container | partition key | what it holds |',
    '|---|---|---|',
    ...containers.containers.map(
      ({ id, partitionKey, description }) =>
        `| \`${id}\` | ${partitionKey.paths.map((path) => `\`${path}\``).join(', ')} | ${description} |`,
    ),
    '',
  ];
}

function operationTable(): string[] {
  const operations = JSON.parse(readFileSync(join(projectRoot, 'docs/data-model.json'), 'utf8')) as OperationCost[];
  return [
    '## Operations',
    '',
    'Counted by `tests/http/data-model.test.ts` on the local stack, which fails when a number changes. The account of the caller is one point read more (1 request unit up to 1 KB), at most once in `AUTH_CACHE_S` (30 s at most) per account and instance: it says status, role, and whether the session is still on.',
    '',
    '| operation | containers | partitions | Cosmos calls | request units, at most | note |',
    '|---|---|---|---|---|---|',
    ...operations.map(
      (o) =>
        `| \`${o.operation}\` | ${o.containers.map((id) => `\`${id}\``).join(', ')} | ${o.partition} | ${o.cosmos_calls} | ${o.request_units_max} | ${o.note ?? ''} |`,
    ),
    '',
  ];
}

/** docs/data-model.md with the tables between its markers made anew; the text around them is written by hand. */
export function renderDataModel(present: string): string {
  const [before, rest] = present.split(markers.start);
  const after = rest?.split(markers.end)[1];
  if (before === undefined || after === undefined) throw new Error('docs/data-model.md has lost its markers.');
  return `${before}${[markers.start, '', ...containerTable(), ...operationTable(), markers.end].join('\n')}${after}`;
}
