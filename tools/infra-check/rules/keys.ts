import { required } from '../required.ts';
import { type Place, place, type Rule, resources, type Templates } from '../templates.ts';
import { at, literalOf, outcomes } from '../value.ts';

/** Text that is nowhere in a template, whatever it is part of. */
const keyTexts: readonly [RegExp, string][] = [
  [/\blist(Account)?(Keys|Secrets|Sas|ServiceSas|AccountSas|ConnectionStrings)\b/i, 'reads a key'],
  [/\b(AccountKey|SharedAccessKey(Name)?|SharedAccessSignature)\b\s*=/i, 'holds a connection string'],
  [/\b(primary|secondary)(Key|ConnectionString|MasterKey)\b/i, 'reads a key'],
  [/^\s*'?(CosmosConnection|ServiceBusConnection|AzureWebJobsStorage)'?\s*:/, 'sets a connection string'],
];

function* checkRequired(templates: Templates, wanted: (typeof required)[number]): Iterable<Place> {
  for (const { file, resource } of resources(templates, wanted.type)) {
    const value = at(resource.body, wanted.path);
    if (!value) {
      yield place(file, resource.line, `${resource.name} does not say ${wanted.path}: ${wanted.why}`);
      continue;
    }
    if (wanted.values === undefined) continue;
    const found = outcomes(value).map((outcome) => wanted.values?.some((v) => v === literalOf(outcome)) === true);
    const isRight = wanted.some ? found.some(Boolean) : found.every(Boolean);
    if (!isRight)
      yield place(
        file,
        value.line,
        `${wanted.path} is ${value.text}, not ${wanted.values.join(' or ')}: ${wanted.why}`,
      );
  }
}

export const keyRules: Rule[] = [
  {
    id: 'no-keys',
    why: 'Everything signs in as itself; a key is somebody else who has it.',
    *check({ files, parameterFiles }) {
      for (const file of [...files, ...parameterFiles])
        for (const [index, line] of file.text.split('\n').entries()) {
          const code = line.replace(/^\s*\/\/.*$/, '');
          for (const [pattern, text] of keyTexts)
            if (pattern.test(code)) yield place(file, index + 1, `${text}: ${code.trim()}`);
        }
    },
  },
  {
    id: 'required-properties',
    why: 'Azure leaves doors open where nothing is said; what is shut is written down.',
    *check(templates) {
      for (const wanted of required) yield* checkRequired(templates, wanted);
    },
  },
  {
    id: 'no-publishing-passwords',
    why: 'The user name and password of a site can publish code, past every identity.',
    *check(templates) {
      for (const { file, resource: site } of resources(templates, 'Microsoft.Web/sites')) {
        const policies = resources(templates, 'Microsoft.Web/sites/basicPublishingCredentialsPolicies').filter(
          (found) => found.file === file && found.resource.parent === site.name,
        );
        for (const name of ['scm', 'ftp']) {
          const policy = policies.find(({ resource }) => literalOf(at(resource.body, 'name')) === name);
          if (literalOf(at(policy?.resource.body, 'properties.allow')) !== false)
            yield place(file, site.line, `${site.name} does not switch the passwords of ${name} off`);
        }
      }
    },
  },
];
