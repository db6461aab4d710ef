import type { BicepFile, Resource } from '../read-bicep.ts';
import { cosmosRoles, forbiddenRoles, roles } from '../roles.ts';
import { type Place, place, type Rule, resources } from '../templates.ts';
import { allProperties, at, literalOf, outcomes, type Value } from '../value.ts';

const guid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi;
const knownIds = new Set([...Object.values(roles).map((role) => role.id), ...cosmosRoles]);

/** The id behind a name: a literal as it is, a variable by its value. */
function idOf(file: BicepFile, value: Value | undefined): string | undefined {
  const named = file.variables.find((variable) => variable.name === value?.text)?.value ?? value;
  return typeof literalOf(named) === 'string' ? String(literalOf(named)) : undefined;
}

/** The last argument of `subscriptionResourceId('Microsoft.Authorization/roleDefinitions', id)`. */
function roleOf(file: BicepFile, resource: Resource): string | undefined {
  const definition = at(resource.body, 'properties.roleDefinitionId');
  const isDefinition = definition?.kind === 'call' && /^(subscription|tenant)?ResourceId$/i.test(definition.name);
  return isDefinition ? idOf(file, definition.args.at(-1)) : undefined;
}

function* checkName(file: BicepFile, resource: Resource, scope: string): Iterable<Place> {
  const name = at(resource.body, 'name');
  const principal = at(resource.body, 'properties.principalId')?.text;
  const args = name?.kind === 'call' && name.name === 'guid' ? name.args.map((arg) => arg.text) : [];
  const hasAll = args.some((arg) => arg === `${scope}.id`) && args.includes(principal ?? '') && args.length >= 3;
  if (!hasAll)
    yield place(
      file,
      name?.line ?? resource.line,
      `${resource.name} is not named guid(${scope}.id, ${principal}, role)`,
    );
}

function* checkAssignment(file: BicepFile, resource: Resource): Iterable<Place> {
  const { line, name } = resource;
  const id = roleOf(file, resource);
  const [roleName, role] = Object.entries(roles).find(([, known]) => known.id === id) ?? [];
  if (!role) yield place(file, line, `${name} gives ${forbiddenRoles[id ?? ''] ?? id ?? 'a role that cannot be read'}`);
  const scope = at(resource.body, 'scope');
  if (!scope) yield place(file, line, `${name} has no scope, which is the whole resource group`);
  else {
    const target = file.resources.find((r) => r.name === scope.text.replace(/\[.*$/s, ''));
    if (role && !role.scopes.includes(target?.type ?? ''))
      yield place(
        file,
        scope.line,
        `${roleName} is given on ${target?.type ?? scope.text}, not ${role.scopes.join(' or ')}`,
      );
    yield* checkName(file, resource, scope.text);
  }
  const type = at(resource.body, 'properties.principalType');
  const isParam = file.params.some((p) => p.name === type?.text && p.decorators.some((d) => d.name === 'allowed'));
  const isKnown = type && outcomes(type).every((t) => literalOf(t) === 'ServicePrincipal' || literalOf(t) === 'User');
  if (!isKnown && !isParam) yield place(file, type?.line ?? line, `${name} has no principalType`);
}

/** A role of our own that only lets a client ask where the account is, which no role on a container does. */
function readsMetadata(file: BicepFile, role: string): boolean {
  const type = 'Microsoft.DocumentDB/databaseAccounts/sqlRoleDefinitions';
  const definition = file.resources.find((r) => r.type === type && role === `${r.name}.id`);
  const actions = [...allProperties(definition?.body ?? nothing)].filter((p) => p.name === 'dataActions');
  return actions.length > 0 && actions.every((p) => /^\['[^']*\/readMetadata'\]$/.test(p.value.text));
}

const nothing: Value = { kind: 'object', line: 0, text: '', properties: [] };

function* checkDataAssignment(file: BicepFile, resource: Resource): Iterable<Place> {
  const role = at(resource.body, 'properties.roleDefinitionId')?.text ?? '';
  if (readsMetadata(file, role)) return;
  if (!at(resource.body, 'properties.scope')?.text.includes('/colls/'))
    yield place(file, resource.line, `${resource.name} is not for one container`);
  const ids = file.variables.filter((v) => role.includes(`\${${v.name}}`)).map((v) => String(literalOf(v.value)));
  const isKnown = cosmosRoles.some((id) => [...ids, role].some((text) => text.includes(id)));
  if (!role.includes('/sqlRoleDefinitions/') || !isKnown)
    yield place(file, resource.line, `${resource.name} gives another role than reader or contributor`);
}

export const identityRules: Rule[] = [
  {
    id: 'user-assigned',
    why: 'An identity of its own exists before the app, so that its roles are there at the first start.',
    *check(templates) {
      for (const { file, resource } of resources(templates)) {
        const type = at(resource.body, 'identity.type');
        if (type && literalOf(type) !== 'UserAssigned')
          yield place(file, type.line, `${resource.name} is ${type.text}`);
        if (!type && resource.type === 'Microsoft.Web/sites')
          yield place(file, resource.line, `${resource.name} has no identity`);
      }
      for (const file of templates.files) {
        const seen = new Set<string>();
        for (const module of file.modules.filter((m) => m.path.endsWith('functions.bicep'))) {
          const identity = at(module.params, 'identity')?.text ?? '';
          if (seen.has(identity)) yield place(file, module.line, `${module.name} shares its identity with another app`);
          seen.add(identity);
        }
      }
    },
  },
  {
    id: 'known-roles',
    why: 'An id says nothing to whoever reads it; the table of roles does, and holds no broad one.',
    *check({ files, parameterFiles }) {
      for (const file of [...files, ...parameterFiles])
        for (const [index, line] of file.text.split('\n').entries())
          for (const [id] of line.matchAll(guid))
            if (!knownIds.has(id.toLowerCase()))
              yield place(
                file,
                index + 1,
                `${forbiddenRoles[id.toLowerCase()] ?? id} is not in tools/infra-check/roles.ts`,
              );
    },
  },
  {
    id: 'narrow-roles',
    why: 'A role reaches one queue, one container, one secret; a name made of scope, principal and role can be deployed twice.',
    *check(templates) {
      for (const { file, resource } of resources(templates, 'Microsoft.Authorization/roleAssignments'))
        yield* checkAssignment(file, resource);
    },
  },
  {
    id: 'narrow-data-roles',
    why: 'Cosmos DB has roles of its own, and without a container they reach all of them.',
    *check(templates) {
      for (const { file, resource } of resources(
        templates,
        'Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments',
      )) {
        yield* checkDataAssignment(file, resource);
        yield* checkName(file, resource, resource.parent ?? '');
      }
    },
  },
];
