import type { BicepFile, Resource } from '../read-bicep.ts';
import { type Found, place, type Rule, resources, type Templates } from '../templates.ts';
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

export const alertRules: Rule[] = [
  {
    id: 'runbook',
    why: 'Whoever is woken by an alert needs the page that says what to do; a page without an alert is never read.',
    *check(templates) {
      if (templates.runbook === undefined) return;
      // Pages for reading before anything happens have titles of words; alerts have names.
      const sections = words(templates.runbook, /^## ([a-z-]+)$/gm).filter((section) => section !== 'budget');
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
