import type { BicepFile, Resource } from '../read-bicep.ts';
import { type Place, place, type Rule, resources, type Templates } from '../templates.ts';
import { allProperties, at, literalOf } from '../value.ts';

/** A type of resource that is made from a definition file, so that the code, the local stack and Azure agree. */
interface Defined {
  type: string;
  fileName: string;
  list: 'containers' | 'queues';
  /** The property that holds the name. */
  key: string;
}

const definitions: readonly Defined[] = [
  {
    type: 'Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers',
    fileName: 'containers.json',
    list: 'containers',
    key: 'id',
  },
  { type: 'Microsoft.ServiceBus/namespaces/queues', fileName: 'queues.json', list: 'queues', key: 'name' },
];

/** The variable of a loop over `definition.<list>`, where `definition` is what the file holds. */
function loopVariable(file: BicepFile, resource: Resource, { fileName, list }: Defined): string | undefined {
  const [source, property] = resource.loop?.over.text.split('.') ?? [];
  const loaded = file.variables.find((variable) => variable.name === source)?.value;
  const isLoaded = loaded?.kind === 'call' && loaded.name === 'loadJsonContent';
  const isFile = isLoaded && String(literalOf(loaded.args[0])).endsWith(`/${fileName}`);
  return isFile && property === list ? resource.loop?.variables[0] : undefined;
}

function* checkResource(templates: Templates, file: BicepFile, resource: Resource, defined: Defined): Iterable<Place> {
  const variable = loopVariable(file, resource, defined);
  if (variable === undefined) {
    yield place(file, resource.line, `${resource.name} is not made from ${defined.fileName}`);
    return;
  }
  const name = at(resource.body, 'name');
  if (name?.text !== `${variable}.${defined.key}`)
    yield place(file, name?.line ?? resource.line, `${resource.name} is not named ${variable}.${defined.key}`);
  const written = [...allProperties(resource.body)];
  for (const property of new Set(templates[defined.list].flatMap((item) => Object.keys(item)))) {
    if (property === 'description' || property === defined.key) continue;
    if (!written.some((p) => p.name === property && p.value.text === `${variable}.${property}`))
      yield place(file, resource.line, `${resource.name} does not pass ${property} of ${defined.fileName} on`);
  }
}

export const definitionRules: Rule[] = [
  {
    id: 'one-definition',
    why: 'Containers and queues are defined once; what Azure has otherwise than the tests is found in production.',
    *check(templates) {
      for (const defined of definitions) {
        const found = resources(templates, defined.type);
        for (const { file, resource } of found) yield* checkResource(templates, file, resource, defined);
      }
    },
  },
  {
    id: 'containers-exist',
    why: 'A role on a container that is misspelt is granted and helps nobody.',
    *check(templates) {
      const ids = templates.containers.map((container) => container['id']);
      for (const file of templates.files)
        for (const { name, value, line } of file.variables)
          for (const item of /Containers$/.test(name) && value.kind === 'array' ? value.items : [])
            if (!ids.includes(literalOf(item))) yield place(file, line, `${name}: there is no container ${item.text}`);
    },
  },
];
