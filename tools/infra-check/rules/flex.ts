import { callsOf, deployments, fileOf, type ModuleCall } from '../deployments.ts';
import { evaluate, isObject, type Known } from '../evaluate.ts';
import type { BicepFile, Resource } from '../read-bicep.ts';
import { type Place, place, type Rule, resources, type Templates } from '../templates.ts';
import { at } from '../value.ts';

/** Properties of `siteConfig` that Flex Consumption refuses or does not look at. */
const forbidden = [
  'linuxFxVersion',
  'windowsFxVersion',
  'alwaysOn',
  'healthCheckPath',
  'appSettings',
  'connectionStrings',
  'functionAppScaleLimit',
  'minimumElasticInstanceCount',
  'preWarmedInstanceCount',
  'numberOfWorkers',
  'use32BitWorkerProcess',
  'netFrameworkVersion',
  'nodeVersion',
  'websiteTimeZone',
  'autoSwapSlotName',
];

/** Groups of instances that are kept ready, in one deployment of an app that spans zones. */
function readyGroups(file: BicepFile, site: Resource, call: ModuleCall): Known[] {
  const plan = file.resources.find((resource) => resource.type === 'Microsoft.Web/serverfarms');
  const zones = at(plan?.body, 'properties.zoneRedundant');
  const ready = at(site.body, 'properties.functionAppConfig.scaleAndConcurrency.alwaysReady');
  if (!ready || !zones || evaluate(zones, call.scope) !== true) return [];
  const groups = evaluate(ready, call.scope);
  return Array.isArray(groups) ? groups : [groups];
}

function* checkReady(templates: Templates): Iterable<Place> {
  for (const { file, resource } of resources(templates, 'Microsoft.Web/sites'))
    for (const call of callsOf(templates, file))
      for (const group of readyGroups(file, resource, call)) {
        const count = isObject(group) ? group['instanceCount'] : undefined;
        if (typeof count === 'number' && count >= 2) continue;
        const deployment = `${call.module.name} with ${call.parameterFile.path}`;
        yield place(file, resource.line, `${deployment} is in several zones with fewer than two instances ready`);
      }
}

/** The keys of `services:` of azure.yaml. */
function servicesOf(azureYaml: string): string[] {
  const section = /^services:\s*\n((?:[ \t]+.*\n?|\s*#.*\n?|\s*\n)*)/m.exec(azureYaml)?.[1] ?? '';
  const indent = /^([ \t]+)\S/m.exec(section)?.[1] ?? '  ';
  return [...section.matchAll(new RegExp(`^${indent}([\\w-]+):`, 'gm'))].map((match) => match[1] ?? '');
}

export const flexRules: Rule[] = [
  {
    id: 'flex-site',
    why: 'Flex Consumption keeps these things elsewhere; what is written here is refused or forgotten.',
    *check(templates) {
      for (const { file, resource } of resources(templates, 'Microsoft.Web/sites')) {
        const config = at(resource.body, 'properties.siteConfig');
        for (const { name, line } of config?.kind === 'object' ? config.properties : [])
          if (forbidden.includes(name)) yield place(file, line, `siteConfig has ${name}`);
      }
      for (const file of templates.files) {
        const plans = file.resources.filter((r) => r.type === 'Microsoft.Web/serverfarms').length;
        const sites = file.resources.filter((r) => r.type === 'Microsoft.Web/sites').length;
        if (sites > plans) yield place(file, 1, 'a plan of Flex Consumption holds one app');
      }
    },
  },
  {
    id: 'ready-in-zones',
    why: 'With one instance ready the zone that fails may be the one that has it.',
    check: checkReady,
  },
  {
    id: 'azd-services',
    why: 'azd finds the app of a service by its tag, and deploys nowhere without one.',
    *check(templates) {
      if (templates.azureYaml === undefined) return;
      const services = servicesOf(templates.azureYaml).sort();
      const tagged = resources(templates, 'Microsoft.Web/sites').flatMap(({ file, resource }) => {
        const tags = at(resource.body, 'tags');
        return callsOf(templates, file).map((call) => {
          const known = tags && evaluate(tags, call.scope);
          const object = isObject(known) ? known : tagsOf(tags?.text ?? '', call.scope.get);
          return String(object['azd-service-name'] ?? '');
        });
      });
      const tags = [...new Set(tagged)].sort();
      const [site] = resources(templates, 'Microsoft.Web/sites');
      if (site && tags.join() !== services.join())
        yield place(
          site.file,
          site.resource.line,
          `tags ${tags.join(', ')} are not the services ${services.join(', ')}`,
        );
    },
  },
  {
    id: 'no-deployer-in-production',
    why: 'What whoever deploys may do to try things out is a right that production does not leave behind.',
    *check(templates) {
      for (const { parameterFile, main, scope } of deployments(templates)) {
        if (scope.get('kind') !== 'production') continue;
        for (const module of main.modules.filter((m) => fileOf(templates, main, m)))
          for (const { name, value, line } of module.params?.properties ?? []) {
            if (!value.text.includes('deployer()')) continue;
            const given = evaluate(value, scope);
            if (given !== '')
              yield place(main, line, `${parameterFile.path}: ${module.name} is given ${name} = deployer()`);
          }
      }
    },
  },
];

/** `union(tags, { 'azd-service-name': part })` where the other tags are only known to Azure. */
function tagsOf(text: string, scope: (name: string) => unknown): Record<string, unknown> {
  const match = /'azd-service-name'\s*:\s*(?:'([^']*)'|(\w+))/.exec(text);
  return { 'azd-service-name': match?.[1] ?? (match?.[2] ? scope(match[2]) : undefined) };
}
