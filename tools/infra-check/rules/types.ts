import type { BicepFile, Resource } from '../read-bicep.ts';
import { resourceTypes } from '../resource-types.ts';
import { type Place, place, type Rule, resources } from '../templates.ts';
import { at, outcomes } from '../value.ts';

function* checkTagsAndLocation(file: BicepFile, resource: Resource): Iterable<Place> {
  const type = resourceTypes[resource.type];
  const { name, line } = resource;
  if (type?.hasTags && !at(resource.body, 'tags')) yield place(file, line, `${name} has no tags`);
  const location = at(resource.body, 'location');
  if (type?.hasLocation && !location) yield place(file, line, `${name} has no location`);
  for (const value of location ? outcomes(location) : [])
    if (value.kind === 'literal' && value.value !== 'global')
      yield place(file, value.line, `${name} has its own location ${value.text}`);
}

export const typeRules: Rule[] = [
  {
    id: 'parses',
    why: 'A template that is not Bicep deploys nothing, and no other rule sees what is in it.',
    *check({ files, parameterFiles }) {
      for (const file of [...files, ...parameterFiles])
        for (const error of file.errors) yield place(file, error.line, `is not Bicep: ${error.text}`);
    },
  },
  {
    id: 'api-version',
    why: 'One version for each type: what a property means, and whether it exists, depends on it.',
    *check({ files }) {
      for (const file of files)
        for (const { type, apiVersion, line } of file.resources) {
          const known = resourceTypes[type];
          if (known === undefined) yield place(file, line, `${type} is not in tools/infra-check/resource-types.ts`);
          else if (known.apiVersion !== apiVersion)
            yield place(file, line, `${type} is ${apiVersion || 'without a version'}, not ${known.apiVersion}`);
        }
    },
  },
  {
    id: 'local-modules',
    why: 'A module of a registry is not read by any check here and cannot be built without the registry.',
    *check({ files }) {
      for (const file of files)
        for (const { path, line } of file.modules)
          if (/^(br|ts)[/:]/.test(path) || !path.endsWith('.bicep'))
            yield place(file, line, `${path} is not a file here`);
    },
  },
  {
    id: 'tags-and-location',
    why: 'Costs and clean-up find resources by their tags; a location that is left out is not the one of the others.',
    *check(templates) {
      for (const { file, resource } of resources(templates)) yield* checkTagsAndLocation(file, resource);
    },
  },
];
