/** The settings that each app gets in each deployment, worked out from the templates. */
import { callsOf } from './deployments.ts';
import { Computed, evaluate, isObject, type KnownObject } from './evaluate.ts';
import type { BicepFile } from './read-bicep.ts';
import { type Place, place, resources, type Templates } from './templates.ts';
import { at, literalOf } from './value.ts';

export interface AppSettings {
  /** The module of main.bicep, and the parameters that it was deployed with. */
  app: string;
  parameterFile: BicepFile;
  settings: KnownObject;
  at(text: string): Place;
}

/** Undefined settings are those that cannot be worked out, which is a finding of its own. */
export function appSettings(templates: Templates): { known: AppSettings[]; unknown: Place[] } {
  const known: AppSettings[] = [];
  const unknown: Place[] = [];
  for (const { file, resource } of resources(templates, 'Microsoft.Web/sites/config')) {
    if (literalOf(at(resource.body, 'name')) !== 'appsettings') continue;
    const properties = at(resource.body, 'properties');
    for (const call of properties ? callsOf(templates, file) : []) {
      const settings = properties && evaluate(properties, call.scope);
      const deployment = `${call.module.name} with ${call.parameterFile.path}`;
      if (!isObject(settings)) unknown.push(place(file, resource.line, `the settings of ${deployment} cannot be read`));
      else
        known.push({
          app: call.module.name,
          parameterFile: call.parameterFile,
          settings,
          at: (text) => place(call.caller, call.module.line, `${deployment}: ${text}`),
        });
    }
  }
  return { known, unknown };
}

export const textOf = (value: unknown) => (value instanceof Computed ? value.text : String(value));
