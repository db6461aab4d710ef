import { fileOf, templateOf } from '../deployments.ts';
import type { BicepFile, Decorator, Param } from '../read-bicep.ts';
import { type Place, place, type Rule, type Templates } from '../templates.ts';
import { literalOf, type Value, walk } from '../value.ts';

const decorator = (declaration: { decorators: Decorator[] }, name: string) =>
  declaration.decorators.find((d) => d.name === name);

const hasBounds = (param: Param) =>
  (decorator(param, 'minValue') !== undefined && decorator(param, 'maxValue') !== undefined) ||
  decorator(param, 'allowed') !== undefined;

function allowedText(param: Param): string | undefined {
  const list = decorator(param, 'allowed')?.args[0];
  return list?.kind === 'array' ? list.items.map((item) => item.text).join(', ') : undefined;
}

/** For each use of a file as a module, which of its outputs are read there. */
function* outputsRead(templates: Templates) {
  for (const caller of templates.files)
    for (const module of caller.modules) {
      const target = fileOf(templates, caller, module);
      if (target === undefined) continue;
      const uses = new RegExp(`\\b${module.name}!?\\.outputs\\.(\\w+)`, 'g');
      const names = caller.text
        .split('\n')
        .flatMap((text, index) => [...text.matchAll(uses)].map(([, name = '']) => ({ name, line: index + 1 })));
      yield { caller, target, names };
    }
}

/** Every value that is written in a file. */
function* valuesOf(file: BicepFile): Generator<Value> {
  for (const { value } of [...file.variables, ...file.outputs]) yield* walk(value);
  for (const { body, loop } of file.resources) {
    yield* walk(body);
    if (loop) yield* walk(loop.over);
  }
  for (const { body } of file.modules) yield* walk(body);
}

/** A parameter that is compared with a text has few values that mean something. */
function isCompared(file: BicepFile, param: Param): boolean {
  for (const value of valuesOf(file)) {
    if (value.kind !== 'operation' || !/^[!=]=$/.test(value.operator)) continue;
    const others = value.operands.filter((operand) => operand.text !== param.name).map(literalOf);
    const isText = others.length === 1 && typeof others[0] === 'string' && others[0] !== '';
    if (isText) return true;
  }
  return false;
}

const secretName = /(password|secret|apiKey|accessKey|token|sas|privateKey)$/i;

function* checkArguments(caller: BicepFile, target: BicepFile, module: BicepFile['modules'][number]): Iterable<Place> {
  const given = module.params?.properties ?? [];
  for (const { name, line, value } of given) {
    const param = target.params.find((p) => p.name === name);
    if (!param) yield place(caller, line, `${target.path} has no parameter ${name}`);
    const own = caller.params.find((p) => p.name === value.text);
    const wanted = param && allowedText(param);
    if (own && wanted !== undefined && allowedText(own) !== wanted)
      yield place(caller, own.line, `${own.name} does not allow exactly what ${target.path} allows: ${wanted}`);
  }
  for (const param of target.params)
    if (!param.fallback && !param.type.endsWith('?') && !given.some((p) => p.name === param.name))
      yield place(caller, module.line, `${module.name} is not given ${param.name}`);
}

function* checkParameterFile(file: BicepFile, template: BicepFile | undefined): Iterable<Place> {
  if (!template) yield place(file, 1, `is for ${file.using}, which is not there`);
  for (const { name, line } of file.variables)
    if (template && !template.params.some((p) => p.name === name))
      yield place(file, line, `${template.path} has no parameter ${name}`);
  for (const param of template?.params ?? [])
    if (!param.fallback && !file.variables.some((v) => v.name === param.name))
      yield place(file, 1, `does not give ${param.name}`);
}

/** Namespaces of Bicep's own functions. */
const namespaces = new Set(['az', 'sys']);

export const declarationRules: Rule[] = [
  {
    id: 'described',
    why: 'Who deploys reads the descriptions and nothing else.',
    *check({ files }) {
      for (const file of files)
        for (const declared of [...file.params, ...file.outputs])
          if (!decorator(declared, 'description')?.args[0]?.text.replace(/['\s]/g, ''))
            yield place(file, declared.line, `${declared.name} has no @description`);
    },
  },
  {
    id: 'bounds',
    why: 'A number or a choice that Azure refuses is refused after a quarter of an hour; with bounds it is at once.',
    *check({ files }) {
      for (const file of files)
        for (const param of file.params) {
          if (param.type === 'int' && !hasBounds(param))
            yield place(file, param.line, `${param.name} has no @minValue and @maxValue`);
          if (param.type === 'string' && !decorator(param, 'allowed') && isCompared(file, param))
            yield place(file, param.line, `${param.name} is compared with texts and has no @allowed`);
        }
    },
  },
  {
    id: 'secure',
    why: 'A parameter or an output that is not secure is kept in the history of deployments for everybody who can read it.',
    *check({ files }) {
      for (const file of files) {
        for (const param of file.params) {
          const isSecret = param.type === 'string' && secretName.test(param.name);
          if (isSecret && !decorator(param, 'secure')) yield place(file, param.line, `${param.name} is not @secure()`);
          if (decorator(param, 'secure') && param.fallback && literalOf(param.fallback) !== '')
            yield place(file, param.line, `${param.name} is secure and has a default`);
        }
        for (const output of file.outputs)
          if (secretName.test(output.name) || /\b(list\w*|primaryKey|secondaryKey)\b\s*\(?/.test(output.value.text))
            yield place(file, output.line, `${output.name} gives a secret away`);
      }
    },
  },
  {
    id: 'arguments',
    why: 'A module takes exactly what it asks for; without the compiler nobody else says so before a deployment.',
    *check(templates) {
      for (const file of [...templates.files, ...templates.parameterFiles])
        for (const module of file.modules) {
          const target = fileOf(templates, file, module);
          if (target) yield* checkArguments(file, target, module);
          else if (!/^(br|ts)[/:]/.test(module.path)) yield place(file, module.line, `${module.path} is not there`);
        }
      for (const file of templates.parameterFiles) yield* checkParameterFile(file, templateOf(templates, file));
    },
  },
  {
    id: 'outputs-exist',
    why: 'What a module does not put out is missing only when the deployment is half done; what nobody reads is not needed.',
    *check(templates) {
      const read = new Map<BicepFile, Set<string>>();
      for (const { caller, target, names } of outputsRead(templates)) {
        read.set(target, new Set([...(read.get(target) ?? []), ...names.map(({ name }) => name)]));
        for (const { name, line } of names)
          if (!target.outputs.some((output) => output.name === name))
            yield place(caller, line, `${target.path} has no output ${name}`);
      }
      for (const [target, names] of read)
        for (const { name, line } of target.outputs)
          if (!names.has(name)) yield place(target, line, `nobody reads the output ${name}`);
    },
  },
  {
    id: 'names',
    why: 'A name that nothing declares stops the deployment; one that nothing uses misleads whoever reads it.',
    *check({ files }) {
      for (const file of files) {
        const declared = [...file.params, ...file.variables, ...file.resources, ...file.modules];
        const known = new Set([...declared.map((d) => d.name), ...file.localNames]);
        const used = new Set(file.references.map((r) => r.name));
        for (const { name, line, isCall } of file.references)
          if (!isCall && !known.has(name) && !namespaces.has(name)) yield place(file, line, `${name} is not declared`);
        for (const { name, line } of [...file.params, ...file.variables])
          if (!used.has(name)) yield place(file, line, `${name} is not used`);
        for (const { name, line, isExisting } of file.resources)
          if (isExisting && !used.has(name)) yield place(file, line, `${name} is not used`);
      }
    },
  },
];
