import type { Case } from './templates-of.ts';

const described = "@description('x')\n";
const moduleOf = (params: string) =>
  `module part 'modules/part.bicep' = {\n  name: 'part'\n  params: { ${params} }\n}\n`;

export const declarationCases: Case[] = [
  { rule: 'parses', name: 'a bracket that is not closed', snippet: 'var a = [1\n', says: /is not Bicep/ },
  {
    rule: 'parses',
    name: 'a parameter file',
    snippet: { 'infra/dev.bicepparam': "using 'main.bicep'\nparam a = 1\n" },
  },
  {
    rule: 'api-version',
    name: 'another version',
    snippet: "resource a 'Microsoft.Storage/storageAccounts@2022-09-01' = {}\n",
    says: /snippet.bicep:1: Microsoft.Storage\/storageAccounts is 2022-09-01, not 2025-06-01/,
  },
  {
    rule: 'api-version',
    name: 'a type that nobody decided on',
    snippet: "resource a 'Microsoft.Cache/redis@2024-11-01' existing = { name: 'x' }\n",
    says: /Microsoft.Cache\/redis is not in/,
  },
  {
    rule: 'api-version',
    name: 'a resource inside another',
    snippet:
      "resource a 'Microsoft.Web/sites@2025-05-01' = {\n  name: 'a'\n  resource b 'slots' = {\n    name: 'b'\n  }\n}\n",
    says: /:3: Microsoft.Web\/sites\/slots is not in/,
  },
  {
    rule: 'local-modules',
    name: 'a module of the public registry',
    snippet: "module a 'br/public:avm/res/storage/storage-account:0.33.0' = { name: 'a' }\n",
    says: /is not a file here/,
  },
  {
    rule: 'local-modules',
    name: 'a template spec',
    snippet: "module a 'ts:sub/rg/spec:1' = { name: 'a' }\n",
    says: /is not a file here/,
  },
  { rule: 'local-modules', name: 'a file', snippet: "module a 'part.bicep' = { name: 'a' }\n" },
  {
    rule: 'tags-and-location',
    name: 'no tags',
    snippet: "resource a 'Microsoft.KeyVault/vaults@2024-11-01' = { location: location }\n",
    says: /a has no tags/,
  },
  {
    rule: 'tags-and-location',
    name: 'a region of its own',
    snippet: "resource a 'Microsoft.KeyVault/vaults@2024-11-01' = { tags: tags, location: 'westeurope' }\n",
    says: /a has its own location 'westeurope'/,
  },
  { rule: 'described', name: 'a parameter', snippet: 'param a string\n', says: /a has no @description/ },
  { rule: 'described', name: 'an output', snippet: "output a string = 'x'\n", says: /a has no @description/ },
  { rule: 'described', name: 'an empty description', snippet: "@description('')\nparam a string\n", says: /a has no/ },
  { rule: 'described', name: 'a description', snippet: `${described}param a string\n` },
  {
    rule: 'bounds',
    name: 'a number',
    snippet: '@minValue(1)\nparam a int\n',
    says: /a has no @minValue and @maxValue/,
  },
  { rule: 'bounds', name: 'a number of few', snippet: '@allowed([1, 2])\nparam a int\n' },
  {
    rule: 'bounds',
    name: 'a choice',
    snippet: "param a string\nvar b = a == 'x' ? 1 : 2\n",
    says: /a is compared with texts and has no @allowed/,
  },
  { rule: 'bounds', name: 'a text that may be empty', snippet: "param a string\nvar b = a == '' ? 1 : 2\n" },
  { rule: 'secure', name: 'a password', snippet: 'param adminPassword string\n', says: /adminPassword is not @secure/ },
  {
    rule: 'secure',
    name: 'a default of a secret',
    snippet: "@secure()\nparam apiKey string = 'letmein'\n",
    says: /apiKey is secure and has a default/,
  },
  {
    rule: 'secure',
    name: 'an output of a key',
    snippet: 'output a string = account.listKeys().keys[0].value\n',
    says: /a gives a secret away/,
  },
  {
    rule: 'arguments',
    name: 'one that is missing',
    snippet: { 'infra/main.bicep': moduleOf(''), 'infra/modules/part.bicep': 'param a string\n' },
    says: /main.bicep:1: part is not given a/,
  },
  {
    rule: 'arguments',
    name: 'one that nobody asked for',
    snippet: { 'infra/main.bicep': moduleOf("b: 'x'"), 'infra/modules/part.bicep': "param a string = 'x'\n" },
    says: /part.bicep has no parameter b/,
  },
  {
    rule: 'arguments',
    name: 'a module that is not there',
    snippet: { 'infra/main.bicep': moduleOf('') },
    says: /modules\/part.bicep is not there/,
  },
  {
    rule: 'arguments',
    name: 'choices that differ',
    snippet: {
      'infra/main.bicep': `@allowed(['x', 'y'])\nparam a string\n${moduleOf('a: a')}`,
      'infra/modules/part.bicep': "@allowed(['x'])\nparam a string\n",
    },
    says: /main.bicep:2: a does not allow exactly what infra\/modules\/part.bicep allows: 'x'/,
  },
  {
    rule: 'arguments',
    name: 'a parameter file without a parameter',
    snippet: { 'infra/main.bicep': 'param a string\n', 'infra/dev.bicepparam': "using 'main.bicep'\n" },
    says: /dev.bicepparam:1: does not give a/,
  },
  {
    rule: 'arguments',
    name: 'a parameter file with another parameter',
    snippet: { 'infra/main.bicep': '', 'infra/dev.bicepparam': "using 'main.bicep'\nparam b = 1\n" },
    says: /dev.bicepparam:2: infra\/main.bicep has no parameter b/,
  },
  {
    rule: 'arguments',
    name: 'a parameter file for another template',
    snippet: {
      'infra/main.bicep': 'param a string\n',
      'infra/other.bicep': 'param b string\n',
      'infra/other.bicepparam': "using 'other.bicep'\nparam b = 'x'\n",
    },
  },
  {
    rule: 'arguments',
    name: 'a parameter file for a template that is gone',
    snippet: { 'infra/main.bicep': '', 'infra/dev.bicepparam': "using 'gone.bicep'\n" },
    says: /is for gone.bicep, which is not there/,
  },
  {
    rule: 'outputs-exist',
    name: 'an output that is not put out',
    snippet: {
      'infra/main.bicep': `${moduleOf('')}var b = part.outputs.id\n`,
      'infra/modules/part.bicep': "output name string = 'x'\n",
    },
    says: /main.bicep:5: infra\/modules\/part.bicep has no output id/,
  },
  {
    rule: 'outputs-exist',
    name: 'an output that is read',
    snippet: {
      'infra/main.bicep': `${moduleOf('')}var b = part.outputs.name\n`,
      'infra/modules/part.bicep': "output name string = 'x'\n",
    },
  },
  {
    rule: 'outputs-exist',
    name: 'an output that nobody reads',
    snippet: { 'infra/main.bicep': moduleOf(''), 'infra/modules/part.bicep': "output name string = 'x'\n" },
    says: /part.bicep:1: nobody reads the output name/,
  },
  { rule: 'names', name: 'one that is not declared', snippet: 'output a string = nobody.id\n', says: /nobody is not/ },
  { rule: 'names', name: 'a parameter that is not used', snippet: 'param a string\n', says: /a is not used/ },
  {
    rule: 'names',
    name: 'an existing resource that is not used',
    snippet: "resource a 'Microsoft.KeyVault/vaults@2024-11-01' existing = { name: 'x' }\n",
    says: /a is not used/,
  },
  {
    rule: 'names',
    name: 'names of loops, lambdas and functions',
    snippet:
      'param a array\noutput b array = map(a, item => item.id)\noutput c array = [for (x, i) in a: take(x, i)]\n',
  },
];
