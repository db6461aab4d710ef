import { readBicep } from '../../../tools/infra-check/read-bicep.ts';
import { rules } from '../../../tools/infra-check/rules.ts';
import type { Templates } from '../../../tools/infra-check/templates.ts';

/** What the files of a case are: one template by itself, or several by path. */
export type Snippet = string | Record<string, string>;

/** Templates that consist of a few lines. */
export async function templatesOf(snippet: Snippet, other: Partial<Templates> = {}): Promise<Templates> {
  const texts = typeof snippet === 'string' ? { 'infra/modules/snippet.bicep': snippet } : snippet;
  const files = await Promise.all(Object.entries(texts).map(([path, text]) => readBicep(path, text)));
  return {
    files: files.filter((file) => file.path.endsWith('.bicep')),
    parameterFiles: files.filter((file) => file.path.endsWith('.bicepparam')),
    json: {},
    containers: [],
    queues: [],
    host: { functionTimeout: '00:10:00', maxConcurrentCalls: 8, maxAutoLockRenewalDuration: '00:10:00' },
    azureYaml: undefined,
    runbook: undefined,
    ...other,
  };
}

/** What one rule says about them: `path:line: text` each. */
export async function saidBy(id: string, snippet: Snippet, other: Partial<Templates> = {}): Promise<string[]> {
  const rule = rules.find((r) => r.id === id);
  if (!rule) throw new Error(`there is no rule ${id}`);
  const places = [...rule.check(await templatesOf(snippet, other))];
  return places.map(({ path, line, text }) => `${path}:${line}: ${text}`);
}

/** One case of a rule: what it is shown, and what it says (nothing where that is left out). */
export interface Case {
  rule: string;
  name: string;
  snippet: Snippet;
  other?: Partial<Templates>;
  says?: RegExp;
}
