import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import workbook from '../../infra/workbook.json' with { type: 'json' };
import { projectRoot } from '../../tools/run-command.ts';

const read = (path: string) => readFileSync(join(projectRoot, path), 'utf8');

interface Item {
  type: number;
  name: string;
  content: {
    query?: string;
    version?: string;
    json?: string;
    resourceType?: string;
    timeContextFromParameter?: string;
    metrics?: { namespace: string; metric: string; aggregation: number }[];
    parameters?: { name: string }[];
  };
}

const items: Item[] = workbook.items;
const kinds = { text: 1, query: 3, parameters: 9, metrics: 10 } as const;

/** Every KQL that somebody pastes or that runs by itself: of the workbook, the alerts, the runbook and the how-to pages. */
function allQueries(): { where: string; query: string }[] {
  const ofWorkbook = items
    .filter((item) => item.type === kinds.query)
    .map((item) => ({ where: `workbook: ${item.name}`, query: item.content.query ?? '' }));
  const alerts = read('infra/modules/alerts.bicep');
  const lines = /^var lines = '(.*)'$/m.exec(alerts)?.[1] ?? '';
  const ofAlerts = [...alerts.matchAll(/^\s+query: '(.*)'$/gm)].map(([, query = ''], index) => ({
    where: `alerts.bicep: query ${index + 1}`,
    query: query.replace(/\$\{lines\}/, lines),
  }));
  const pages = ['docs/runbook.md', ...globSync('docs/how-to/*.md', { cwd: projectRoot })];
  const ofPages = pages
    .filter((page) => existsSync(join(projectRoot, page)))
    .flatMap((page) =>
      [...read(page).matchAll(/^```kql\n([\s\S]*?)^```$/gm)].map(([, query = '']) => ({ where: page, query })),
    );
  return [...ofWorkbook, ...ofAlerts, ...ofPages];
}

const tables = [
  'AppTraces',
  'AppRequests',
  'AppDependencies',
  'AppExceptions',
  'AppAvailabilityResults',
  'CDBDataPlaneRequests',
  'CDBPartitionKeyRUConsumption',
  'AzureActivity',
  'AZKVAuditLogs',
  'AzureDiagnostics',
  'Usage',
  '_LogOperation',
];

const sources = globSync('shared/**/*.ts', { cwd: projectRoot })
  .map((path) => read(path))
  .join('\n');
const isKnown = (name: string) => new RegExp(`\\b${name}\\b`).test(sources);
const eventsLogged = new Set(
  [...sources.matchAll(/\.(?:debug|info|warn|error)\(\s*'([a-z_]+)'/g)].map(([, name = '']) => name),
);

/** The events that a query compares `line.event` with. */
function eventsIn(query: string): string[] {
  const compared = [...query.matchAll(/line\.event\)?\s*(?:==|!=|!?in\s*\()\s*((?:"[^"]*"(?:,\s*)?)+)/g)];
  return compared.flatMap(([, list = '']) => [...list.matchAll(/"([^"]*)"/g)].map(([, event = '']) => event));
}

describe('the workbook', () => {
  test('has the form that Azure Monitor reads', () => {
    expect(workbook.version).toBe('Notebook/1.0');
    const versions: Record<number, string | undefined> = {
      [kinds.text]: undefined,
      [kinds.query]: 'KqlItem/1.0',
      [kinds.parameters]: 'KqlParameterItem/1.0',
      [kinds.metrics]: 'MetricsItem/2.0',
    };
    for (const item of items) {
      expect(Object.keys(versions)).toContain(String(item.type));
      expect(item.content.version).toBe(versions[item.type]);
    }
  });

  test('names every item once', () => {
    expect(new Set(items.map((item) => item.name)).size).toBe(items.length);
  });

  test('follows the time that the reader chooses', () => {
    const parameters = items.flatMap((item) => item.content.parameters ?? []).map((parameter) => parameter.name);
    expect(parameters).toContain('TimeRange');
    for (const item of items.filter(({ type }) => type === kinds.query || type === kinds.metrics))
      expect(item.content.timeContextFromParameter).toBe('TimeRange');
  });

  test('takes from metrics what no log has: messages in queues, and what Flex Consumption counts', () => {
    const metrics = items.flatMap((item) => item.content.metrics ?? []);
    for (const { namespace, metric } of metrics) expect(metric.startsWith(`${namespace}--`)).toBe(true);
    const names = metrics.map(({ metric }) => metric.split('--')[1]);
    expect(names).toEqual(
      expect.arrayContaining(['ActiveMessages', 'DeadletteredMessages', 'OnDemandFunctionExecutionUnits']),
    );
  });
});

describe('every query', () => {
  const queries = allQueries();

  test('is found', () => {
    expect(queries.length).toBeGreaterThan(25);
  });

  test.each(queries)('reads a table that there is ($where)', ({ query }) => {
    expect(tables).toContain(/^\w+/.exec(query.trim())?.[0]);
    for (const [, table] of query.matchAll(/\b(?:union|join)[^|(]*\(?\s*([A-Z]\w+)/g)) expect(tables).toContain(table);
  });

  test.each(queries)('asks for lines that the product writes ($where)', ({ query }) => {
    const unknown = eventsIn(query).filter((event) => !eventsLogged.has(event));
    expect(unknown).toEqual([]);
  });

  test.each(queries)('asks for fields that the product writes ($where)', ({ query }) => {
    const fields = [...query.matchAll(/\bline\.(\w+(?:\.\w+)*)/g)].flatMap(([, path = '']) => path.split('.'));
    expect(fields.filter((field) => !isKnown(field))).toEqual([]);
  });

  test.each(queries)('closes what it opens ($where)', ({ query }) => {
    const bare = query.replace(/"[^"]*"/g, '""');
    expect(bare.split('(').length).toBe(bare.split(')').length);
    expect(bare.split('"').length % 2).toBe(1);
  });
});
