import { z } from 'zod';
import { Interrupted } from './failure.ts';
import { checkNames, findSuffix } from './names.ts';
import { deploymentName, isUnderWay, type Run } from './run.ts';

const Change = z.object({ resourceId: z.string(), changeType: z.string(), delta: z.array(z.unknown()).nullish() });
const WhatIf = z.object({
  changes: z.array(Change).nullish(),
  diagnostics: z.array(z.object({ code: z.string().nullish(), target: z.string().nullish() })).nullish(),
});
type Change = z.infer<typeof Change>;

/** `/subscriptions/S/resourceGroups/G/providers/P/a/x/b/y` is of type `P/a/b` and called `x/y`; extensions count alone. */
export function parseResourceId(id: string): { type: string; name: string } {
  const [, last] = /^.*\/providers\/(.+)$/i.exec(id) ?? [];
  if (last === undefined) {
    const group = /\/resourceGroups\/([^/]+)$/i.exec(id)?.[1];
    return { type: 'Microsoft.Resources/resourceGroups', name: group ?? id };
  }
  const [namespace = '', ...parts] = last.split('/');
  const types = parts.filter((_, index) => index % 2 === 0);
  return { type: [namespace, ...types].join('/'), name: parts.filter((_, index) => index % 2 === 1).join('/') };
}

const marks: Record<string, string> = { create: '+', modify: '~', deploy: '~', delete: '-' };
const isDetail = (type: string) => type.split('/').length > 2 || /^microsoft\.(authorization|insights)\//i.test(type);

/** One line for each resource that changes; what belongs to others is counted by type, and what stays by number alone. */
export function listChanges(changes: readonly Change[]): string[] {
  const lines: string[] = [];
  const counts = new Map<string, number>();
  let unchanged = 0;
  for (const change of changes) {
    const kind = change.changeType.toLowerCase();
    const mark = marks[kind];
    const { type, name } = parseResourceId(change.resourceId);
    if (mark === undefined) unchanged += kind === 'nochange' ? 1 : 0;
    // What is deleted is always named.
    else if (isDetail(type) && mark !== '-') counts.set(`${mark} ${type}`, (counts.get(`${mark} ${type}`) ?? 0) + 1);
    else lines.push(`${mark} ${type} ${name}`);
  }
  for (const [line, count] of counts) lines.push(`${line} (${count})`);
  const order = '+~-';
  lines.sort((a, b) => order.indexOf(a.charAt(0)) - order.indexOf(b.charAt(0)) || a.localeCompare(b));
  if (unchanged > 0) lines.push(`= ${unchanged} unchanged`);
  return lines;
}

async function confirm(run: Run): Promise<void> {
  if (run.options.isAgreed) return;
  const answer = await run.screen.ask(`Deploy this to the subscription ${run.subscriptionId}? [y/N] `);
  if (!/^y(es)?$/i.test(answer.trim())) throw new Declined();
}

/** Somebody said no, which is no failure. */
export class Declined extends Interrupted {
  override name = 'Declined';
}

/** Shows what would change, checks the names that are new, and asks. */
export async function whatIf(run: Run): Promise<string> {
  if (isUnderWay(run.previous)) return 'left out: a deployment is under way, and is waited for';
  const name = deploymentName(run.options.environment);
  const args = ['deployment', 'sub', 'what-if', '--name', `${name}-what-if`, '--location', run.location];
  const more = ['--parameters', run.parameterFile, '--no-pretty-print', '--no-prompt', 'true'];
  const result = await run.az.json(WhatIf, [...args, ...more], { timeoutMs: 15 * 60_000, retries: 1 });
  const changes = result.changes ?? [];
  for (const line of listChanges(changes)) run.screen.note(line);
  const hidden = (result.diagnostics ?? []).filter((one) => one.code === 'NestedDeploymentShortCircuited').length;
  if (hidden > 0) {
    run.screen.note(`? ${hidden} more parts depend on what is made first; Azure cannot show them before it is there`);
  }
  const ids = changes.map((change) => parseResourceId(change.resourceId));
  await checkNames(run, findSuffix(run, ids));
  if (run.options.isDryRun) return 'nothing was changed (--dry-run)';
  await confirm(run);
  return `${changes.filter((change) => change.changeType.toLowerCase() in marks).length} changes`;
}
