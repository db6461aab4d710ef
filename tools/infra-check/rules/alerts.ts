import { scopeOf } from '../deployments.ts';
import { evaluate } from '../evaluate.ts';
import type { BicepFile, Resource } from '../read-bicep.ts';
import { type Found, type Place, place, type Rule, resources, type Templates } from '../templates.ts';
import { allProperties, at, literalOf, type Value } from '../value.ts';

const alertTypes = ['metricAlerts', 'scheduledQueryRules', 'activityLogAlerts'].map((t) => `Microsoft.Insights/${t}`);

/** What has to be watched, by what only such an alert says. */
const watched: readonly [RegExp, string][] = [
  [/Http5xx|>= 500\b/, 'requests that fail'],
  [/percentile\(/, 'slow answers'],
  [/DeadletteredMessages/, 'messages that were given up'],
  [/NormalizedRUConsumption/, 'load of the database'],
  [/\b429\b/, 'refusals of the database'],
  [/ServiceAvailability/, 'availability of the database'],
  [/WebtestLocationAvailabilityCriteria/, 'the web test'],
  [/Microsoft\.Authorization\/roleAssignments\/write/, 'changes of roles'],
  [/grading-backlog/, 'a backlog of grading'],
  [/llm_call/, 'refusals of a model'],
  [/OverQuota/, 'the daily cap of logs'],
];

/** Tables of Log Analytics that our diagnostic settings and Application Insights fill. */
const tables = new Set([
  ...['Requests', 'Traces', 'Exceptions', 'Dependencies', 'Metrics', 'Events', 'AvailabilityResults'].map(
    (t) => `App${t}`,
  ),
  ...[
    'AppPerformanceCounters',
    'AppSystemEvents',
    'FunctionAppLogs',
    'AzureDiagnostics',
    'AzureMetrics',
    'AzureActivity',
  ],
  ...['DataPlaneRequests', 'QueryRuntimeStatistics', 'PartitionKeyRUConsumption', 'PartitionKeyStatistics'].map(
    (t) => `CDB${t}`,
  ),
  ...['CDBControlPlaneRequests', 'AZMSOperationalLogs', 'AZMSRunTimeAuditLogs', 'StorageBlobLogs', 'LAQueryLogs'],
  ...['ACSEmailSendMailOperational', 'ACSEmailStatusUpdateOperational', 'WebPubSubConnectivity', 'WebPubSubMessaging'],
  ...['_LogOperation', 'Usage', 'Heartbeat'],
]);

const alerts = (templates: Templates): Found[] => alertTypes.flatMap((type) => resources(templates, type));

/** The rules that a loop of alerts goes over. */
function rulesOf(file: BicepFile, { loop }: Resource): Value[] {
  const list = file.variables.find((v) => v.name === loop?.over.text)?.value ?? loop?.over;
  return list?.kind === 'array' ? list.items : [];
}

function namesOf({ file, resource }: Found): { name: string; line: number }[] {
  const name = at(resource.body, 'name');
  if (typeof literalOf(name) === 'string') return [{ name: String(literalOf(name)), line: resource.line }];
  return rulesOf(file, resource).flatMap((rule) => {
    const own = literalOf(at(rule, 'name'));
    return typeof own === 'string' ? [{ name: own, line: rule.line }] : [];
  });
}

const words = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map((match) => match[1] ?? '');

/** What a statement can begin with instead of a table. */
const operators = new Set(['print', 'range', 'datatable', 'externaldata', 'search', 'find', 'union', 'set', 'declare']);

/** Names that stand where a table stands: at the start of a statement, after `union`, `join (` and in a `let`. */
function unknownTables(query: string): string[] {
  const own = words(query, /\blet\s+(\w+)\s*=/g);
  const text = query.replace(/\/\/.*$/gm, '').replace(/\blet\s+\w+\s*=\s*/g, ';');
  // Inside brackets only what is piped or listed is a table; `parse_json(Message)` is a column.
  const starts = words(text, /(?:^|;)\s*(?:union\s+(?:\w+=\w+\s+)*)?([A-Za-z_]\w*)\s*(?=\||,|$)/g);
  const inner = words(text, /\b(?:union|join|lookup)\b[^|;]*?\(\s*([A-Za-z_]\w*)\s*(?=\|)/g);
  const joined = words(text, /\b(?:join|lookup)\s+(?:\w+=\w+\s+)*\(?\s*([A-Za-z_]\w*)\s*(?:\||\)\s*on|on\b)/g);
  const named = [...starts, ...inner, ...joined].filter((word) => !operators.has(word));
  return named.filter((word) => !tables.has(word) && !own.includes(word));
}

function* queriesIn(value: unknown): Generator<string> {
  if (Array.isArray(value)) for (const item of value) yield* queriesIn(item);
  else if (typeof value === 'object' && value !== null)
    for (const [name, item] of Object.entries(value)) {
      if (name === 'query' && typeof item === 'string') yield item;
      else yield* queriesIn(item);
    }
}

function* checkWorkbook(workbook: string): Iterable<Place> {
  const inWorkbook = (text: string): Place => ({ path: 'infra/workbook.json', line: 1, text });
  let content: unknown;
  try {
    content = JSON.parse(workbook);
  } catch (error) {
    yield inWorkbook(`is not JSON: ${(error as Error).message}`);
    return;
  }
  const queries = [...queriesIn(content)];
  if (queries.length === 0) yield inWorkbook('has no query');
  for (const query of queries)
    for (const table of unknownTables(query)) yield inWorkbook(`${table} is not a table that is filled: ${query}`);
}

export const alertRules: Rule[] = [
  {
    id: 'runbook',
    why: 'Whoever is woken by an alert needs the page that says what to do; a page without an alert is never read.',
    *check(templates) {
      if (templates.runbook === undefined) return;
      const sections = words(templates.runbook, /^## (.+?)\s*$/gm);
      const named = alerts(templates).flatMap((found) => namesOf(found).map((n) => ({ ...n, file: found.file })));
      for (const { file, line, name } of named)
        if (!sections.includes(name)) yield place(file, line, `docs/runbook.md has no section ${name}`);
      for (const section of sections)
        if (!named.some(({ name }) => name === section))
          yield { path: 'docs/runbook.md', line: 1, text: `no alert is called ${section}` };
    },
  },
  {
    id: 'alerts',
    why: 'What is not watched is told by students; an alert without an action group is told to nobody.',
    *check(templates) {
      const found = alerts(templates);
      for (const { file, resource } of found)
        if (!at(resource.body, 'properties.actions')) yield place(file, resource.line, `${resource.name} tells nobody`);
      const text = [...new Set(found.map(({ file }) => file.text))].join('\n');
      for (const [needle, what] of watched) {
        const [first] = found;
        if (first && !needle.test(text)) yield place(first.file, 1, `nothing watches ${what}`);
      }
    },
  },
  {
    id: 'alert-tables',
    why: 'A query over a table that nothing fills is silent for ever.',
    *check(templates) {
      for (const { file, resource } of alerts(templates))
        for (const rule of rulesOf(file, resource)) {
          const query = at(rule, 'query');
          const text = query && evaluate(query, scopeOf(templates, file));
          if (query && typeof text !== 'string') yield place(file, query.line, 'this query cannot be read');
          for (const table of typeof text === 'string' ? unknownTables(text) : [])
            yield place(file, query?.line ?? rule.line, `${table} is not a table that is filled`);
        }
      if (templates.workbook !== undefined) yield* checkWorkbook(templates.workbook);
    },
  },
  {
    id: 'budget',
    why: 'A forecast can still be acted on; what was spent cannot.',
    *check(templates) {
      for (const { file, resource } of resources(templates, 'Microsoft.Consumption/budgets')) {
        const kinds = [...allProperties(resource.body)]
          .filter((p) => p.name === 'thresholdType')
          .map((p) => literalOf(p.value));
        for (const kind of ['Actual', 'Forecasted'])
          if (!kinds.includes(kind)) yield place(file, resource.line, `${resource.name} has no threshold of ${kind}`);
      }
    },
  },
];
