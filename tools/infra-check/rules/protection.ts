import type { BicepFile, Resource } from '../read-bicep.ts';
import { resourceTypes } from '../resource-types.ts';
import { type Place, place, type Rule, resources, type Templates } from '../templates.ts';
import { at, literalOf, type Value, walk } from '../value.ts';

/** Types that are locked in production, because what is in them cannot be made again. */
const locked = [
  'Microsoft.DocumentDB/databaseAccounts',
  'Microsoft.Storage/storageAccounts',
  'Microsoft.KeyVault/vaults',
];

/** How each type is reached from a private network: the part of it, and the zone that its name is looked up in. */
const privateGroups: readonly { type: string; group: string; zone: string }[] = [
  { type: 'Microsoft.Storage/storageAccounts', group: 'blob', zone: 'privatelink.blob.' },
  { type: 'Microsoft.DocumentDB/databaseAccounts', group: 'Sql', zone: 'privatelink.documents.azure.com' },
  { type: 'Microsoft.ServiceBus/namespaces', group: 'namespace', zone: 'privatelink.servicebus.windows.net' },
  { type: 'Microsoft.KeyVault/vaults', group: 'vault', zone: 'privatelink.vaultcore.azure.net' },
  { type: 'Microsoft.SignalRService/webPubSub', group: 'webpubsub', zone: 'privatelink.webpubsub.azure.com' },
  { type: 'Microsoft.CognitiveServices/accounts', group: 'account', zone: 'privatelink.cognitiveservices.azure.com' },
];

/** The symbol that a resource is attached to. */
const scopeOf = (resource: Resource) => at(resource.body, 'scope')?.text.replace(/\[.*$/s, '');

function categories(setting: Resource, list: 'logs' | 'metrics'): string[] {
  const entries = at(setting.body, `properties.${list}`);
  const items: Value[] = entries?.kind === 'array' ? entries.items : [];
  return items
    .filter((item) => literalOf(at(item, 'enabled')) !== false)
    .flatMap((item) => [literalOf(at(item, 'category')), literalOf(at(item, 'categoryGroup'))])
    .filter((name) => typeof name === 'string');
}

function* checkDiagnostics(file: BicepFile, resource: Resource, wanted: readonly string[]): Iterable<Place> {
  const type = 'Microsoft.Insights/diagnosticSettings';
  const setting = file.resources.find((r) => r.type === type && scopeOf(r) === resource.name);
  if (!setting) {
    yield place(file, resource.line, `${resource.name} (${resource.type}) has no diagnostic setting`);
    return;
  }
  if (!at(setting.body, 'properties.workspaceId')) yield place(file, setting.line, `${setting.name} has no workspace`);
  const logs = categories(setting, 'logs');
  for (const category of wanted) {
    const isThere =
      category === 'metrics'
        ? categories(setting, 'metrics').length > 0
        : logs.includes(category) || logs.includes('allLogs') || (/Audit/.test(category) && logs.includes('audit'));
    if (!isThere) yield place(file, setting.line, `${setting.name} of ${resource.name} has no ${category}`);
  }
}

/** Every object of the templates that names a part of a resource for a private endpoint. */
function privateTargets(templates: Templates): { group: unknown; zone: string }[] {
  const bodies = templates.files.flatMap((file) => [...file.modules, ...file.resources].map(({ body }) => body));
  const objects = bodies.flatMap((body) => [...walk(body)]).filter((value) => at(value, 'group') && at(value, 'zone'));
  return objects.map((value) => ({ group: literalOf(at(value, 'group')), zone: at(value, 'zone')?.text ?? '' }));
}

export const protectionRules: Rule[] = [
  {
    id: 'diagnostics',
    why: 'What nobody recorded cannot be looked up when something went wrong.',
    *check(templates) {
      for (const { file, resource } of resources(templates)) {
        const wanted = resourceTypes[resource.type]?.diagnostics;
        if (wanted) yield* checkDiagnostics(file, resource, wanted);
      }
    },
  },
  {
    id: 'locks',
    why: 'A lock is what stands between a mistyped command and the work of students.',
    *check(templates) {
      const held = resources(templates, 'Microsoft.Authorization/locks').flatMap(({ file, resource }) => {
        const target = file.resources.find((r) => r.name === scopeOf(resource));
        return literalOf(at(resource.body, 'properties.level')) === 'CanNotDelete' ? [target?.type] : [];
      });
      for (const type of locked)
        for (const { file, resource } of resources(templates, type))
          if (!held.includes(type)) yield place(file, resource.line, `${resource.name} has no CanNotDelete lock`);
    },
  },
  {
    id: 'lifecycle',
    why: 'Versions and deleted files are paid for until something takes them away.',
    *check(templates) {
      for (const { file, resource } of resources(templates, 'Microsoft.Storage/storageAccounts'))
        if (!file.resources.some((r) => r.type.endsWith('/managementPolicies') && r.parent === resource.name))
          yield place(file, resource.line, `${resource.name} has no management policy`);
    },
  },
  {
    id: 'private-endpoints',
    why: 'Without its zone a name leads to the public address, which a private installation has closed.',
    *check(templates) {
      for (const { file, resource } of resources(templates, 'Microsoft.Network/privateEndpoints')) {
        const has = (type: string) => file.resources.some((r) => r.type === type);
        const groups = file.resources.filter(
          (r) => r.type === 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups',
        );
        if (!groups.some((group) => group.parent === resource.name))
          yield place(file, resource.line, `${resource.name} has no privateDnsZoneGroups`);
        if (!has('Microsoft.Network/privateDnsZones') || !has('Microsoft.Network/privateDnsZones/virtualNetworkLinks'))
          yield place(file, resource.line, `${resource.name} has no zone that is linked to the network`);
      }
      if (resources(templates, 'Microsoft.Network/privateEndpoints').length === 0) return;
      const targets = privateTargets(templates);
      for (const { type, group, zone } of privateGroups)
        for (const { file, resource } of resources(templates, type))
          if (!targets.some((target) => target.group === group && target.zone.includes(zone)))
            yield place(
              file,
              resource.line,
              `${resource.name} has no private endpoint { group: '${group}', zone: '${zone}…' }`,
            );
    },
  },
];
