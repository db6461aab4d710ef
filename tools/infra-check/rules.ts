import { alertRules } from './rules/alerts.ts';
import { declarationRules } from './rules/declarations.ts';
import { definitionRules } from './rules/definitions.ts';
import { flexRules } from './rules/flex.ts';
import { identityRules } from './rules/identity.ts';
import { keyRules } from './rules/keys.ts';
import { protectionRules } from './rules/protection.ts';
import { relationRules } from './rules/relations.ts';
import { settingsRules } from './rules/settings.ts';
import { typeRules } from './rules/types.ts';
import type { Finding, Rule, Templates } from './templates.ts';

export const rules: readonly Rule[] = [
  ...typeRules,
  ...declarationRules,
  ...keyRules,
  ...identityRules,
  ...settingsRules,
  ...definitionRules,
  ...flexRules,
  ...protectionRules,
  ...relationRules,
  ...alertRules,
];

/** What is wrong with the templates, each once. */
export function findings(templates: Templates): Finding[] {
  const all = rules.flatMap((rule) => [...rule.check(templates)].map((found) => ({ rule: rule.id, ...found })));
  const seen = new Map(all.map((finding) => [JSON.stringify(finding), finding]));
  return [...seen.values()];
}
