/** Each deployment that there is a parameter file for, and what every module is given in it. */
import { posix } from 'node:path';
import { Computed, evaluate, isObject, type Known, type KnownObject, type Scope } from './evaluate.ts';
import type { BicepFile, Module } from './read-bicep.ts';
import type { Templates } from './templates.ts';

/** A path that a file writes, from the root of the project. */
const pathFrom = (file: BicepFile, path: string) => posix.join(posix.dirname(file.path), path);

/** The names of a file: its variables, and its parameters as they are given, else with their defaults. */
export function scopeOf(templates: Templates, file: BicepFile, given: KnownObject = {}): Scope {
  const scope: Scope = {
    get: (name) => {
      const param = file.params.find((p) => p.name === name);
      if (param) return given[name] ?? (param.fallback ? evaluate(param.fallback, scope) : new Computed(name));
      const variable = file.variables.find((v) => v.name === name);
      return variable && evaluate(variable.value, scope);
    },
    // What a JSON file holds is a value as it is.
    json: (path) => templates.json[pathFrom(file, path)] as Known | undefined,
  };
  return scope;
}

/** The file that a module names. */
export function fileOf(templates: Templates, caller: BicepFile, module: Module): BicepFile | undefined {
  return templates.files.find((file) => file.path === pathFrom(caller, module.path));
}

/** The template that a parameter file is for. */
export function templateOf(templates: Templates, parameterFile: BicepFile): BicepFile | undefined {
  const path = pathFrom(parameterFile, parameterFile.using ?? 'main.bicep');
  return templates.files.find((file) => file.path === path);
}

export interface Deployment {
  parameterFile: BicepFile;
  main: BicepFile;
  scope: Scope;
}

/** The deployments of main.bicep. */
export function deployments(templates: Templates): Deployment[] {
  return templates.parameterFiles.flatMap((parameterFile) => {
    const main = templateOf(templates, parameterFile);
    if (!main?.path.endsWith('main.bicep')) return [];
    const own = scopeOf(templates, parameterFile);
    const given = Object.fromEntries(parameterFile.variables.map((v) => [v.name, evaluate(v.value, own)]));
    return [{ parameterFile, main, scope: scopeOf(templates, main, given) }];
  });
}

/** One use of a file as a module, in one deployment. */
export interface ModuleCall {
  parameterFile: BicepFile;
  caller: BicepFile;
  module: Module;
  scope: Scope;
}

/** Each use of a file as a module of main.bicep, in each deployment. */
export function callsOf(templates: Templates, file: BicepFile): ModuleCall[] {
  return deployments(templates).flatMap(({ parameterFile, main, scope }) =>
    main.modules
      .filter((module) => fileOf(templates, main, module) === file)
      .map((module) => {
        const given = module.params ? evaluate(module.params, scope) : {};
        return { parameterFile, caller: main, module, scope: scopeOf(templates, file, isObject(given) ? given : {}) };
      }),
  );
}
