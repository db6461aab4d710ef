import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A resource that the Bicep files declare. Child resources that are nested in another are not listed. */
export interface DeclaredResource {
  /** For example `Microsoft.Web/sites`. */
  type: string;
  /** The expression of its name, as it stands there. */
  name: string;
  /** It is put into the region of the deployment (and not, say, `global`). */
  isRegional: boolean;
  /** What parameters of its file may be, where the file says so. */
  allowed: Record<string, string[]>;
}

export interface Template {
  resources: DeclaredResource[];
  /** Namespaces of the resource providers that it needs. */
  providers: string[];
}

const quoted = (text: string) => [...text.matchAll(/'([^']*)'/g)].map((match) => match[1] ?? '');

function resourcesOf(text: string): DeclaredResource[] {
  const allowed: Record<string, string[]> = {};
  for (const match of text.matchAll(/@allowed\(\[([^\]]*)\]\)\s*param (\w+) /g)) {
    allowed[match[2] ?? ''] = quoted(match[1] ?? '');
  }
  const starts = [...text.matchAll(/^resource \w+ '([^@']+)@[^']*' = (.*)$/gm)];
  return starts.map((match) => {
    // A declaration ends where its brace or bracket closes in the first column.
    const rest = text.slice(match.index);
    const block = rest.slice(0, /^[}\]]/m.exec(rest)?.index ?? rest.length);
    return {
      type: match[1] ?? '',
      name: /^ {2,4}name: (.+)$/m.exec(block)?.[1] ?? '',
      isRegional: /^ {2,4}location: location$/m.test(block),
      allowed,
    };
  });
}

/** Reads all Bicep files of a folder, so that what the deployment needs is written in one place only. */
export function readTemplate(folder: string): Template {
  const texts = globSync('**/*.bicep', { cwd: folder }).map((path) => readFileSync(join(folder, path), 'utf8'));
  const resources = texts.flatMap(resourcesOf);
  // A subnet that is delegated to a service needs the provider of that service, too.
  const delegated = texts.flatMap((text) =>
    [...text.matchAll(/serviceName: '([^'/]+)\//g)].map((match) => match[1] ?? ''),
  );
  const namespaces = resources.map((resource) => resource.type.split('/')[0] ?? '');
  return { resources, providers: [...new Set([...namespaces, ...delegated])].sort() };
}

/** The few functions that names of resources are made with. */
function evaluate(expression: string, variables: Record<string, string>): string | undefined {
  const text = expression.trim();
  const take = /^take\((.+), (\d+)\)$/.exec(text);
  if (take) return evaluate(take[1] ?? '', variables)?.slice(0, Number(take[2]));
  const replace = /^replace\((.+), '([^']*)', '([^']*)'\)$/.exec(text);
  if (replace) return evaluate(replace[1] ?? '', variables)?.replaceAll(replace[2] ?? '', replace[3] ?? '');
  if (/^\w+$/.test(text)) return variables[text];
  if (!/^'.*'$/.test(text)) return undefined;
  let isKnown = true;
  // `${...}` within a name may hold a call with texts of its own.
  const value = text.slice(1, -1).replace(/\$\{((?:[^{}']|'[^']*')*)\}/g, (_, inner: string) => {
    const part = evaluate(inner, variables);
    if (part === undefined) isKnown = false;
    return part ?? '';
  });
  return isKnown ? value : undefined;
}

/** Every name that a declaration gives for these variables; none when it needs something that is not known. */
export function namesOf(resource: DeclaredResource, variables: Record<string, string>): string[] {
  const open = Object.keys(resource.allowed).find(
    (name) => variables[name] === undefined && resource.name.includes(`\${${name}}`),
  );
  if (open !== undefined) {
    return (resource.allowed[open] ?? []).flatMap((value) => namesOf(resource, { ...variables, [open]: value }));
  }
  const name = evaluate(resource.name, variables);
  return name === undefined ? [] : [name];
}
