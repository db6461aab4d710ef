import { describe, expect, test } from 'vitest';
import { readBicep } from '../../../tools/infra-check/read-bicep.ts';
import { at, literalOf, outcomes } from '../../../tools/infra-check/value.ts';

const source = `// What it is for.
@description('Region.')
@allowed(['a', 'b'])
param location string = 'a'

var name = 'x-\${location}'

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' = if (isOn) {
  name: name
  properties: {
    size: -1
    sku: isBig ? 'large' : 'small'
    text: 'it\\'s'
    list: [deployer().objectId, first(list), other[0].id]
  }

  resource blobs 'blobServices' = {
    name: 'default'
  }
}

resource containers 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-01-01' = [
  for (item, index) in items: {
    parent: account::blobs
    name: item.name
  }
]

resource known 'Microsoft.KeyVault/vaults@2024-11-01' existing = { name: 'x' }

module part 'modules/part.bicep' = if (isOn) {
  name: 'part'
  params: { id: account.id }
}

@description('The id.')
output id string = account.id
`;

describe('the reader of templates', async () => {
  const file = await readBicep('x.bicep', source);

  test('reads parameters with their decorators and defaults', () => {
    const [param] = file.params;
    expect(param).toMatchObject({ name: 'location', type: 'string', line: 4 });
    expect(param?.decorators.map((d) => d.name)).toEqual(['description', 'allowed']);
    expect(literalOf(param?.fallback)).toBe('a');
  });

  test('reads variables, modules and outputs', () => {
    expect(file.variables.map((v) => [v.name, v.value.kind])).toEqual([['name', 'expression']]);
    expect(file.modules).toMatchObject([{ name: 'part', path: 'modules/part.bicep', condition: '(isOn)' }]);
    expect(at(file.modules[0]?.params, 'id')?.text).toBe('account.id');
    expect(file.outputs).toMatchObject([{ name: 'id', type: 'string', line: 37 }]);
  });

  test('reads resources behind conditions, in loops, inside others, and those that exist', () => {
    expect(file.resources.map((r) => [r.name, r.type, r.apiVersion, r.isExisting])).toEqual([
      ['account', 'Microsoft.Storage/storageAccounts', '2025-06-01', false],
      ['blobs', 'Microsoft.Storage/storageAccounts/blobServices', '2025-06-01', false],
      ['containers', 'Microsoft.Storage/storageAccounts/blobServices/containers', '2025-01-01', false],
      ['known', 'Microsoft.KeyVault/vaults', '2024-11-01', true],
    ]);
    const [account, blobs, containers] = file.resources;
    expect(account?.condition).toBe('(isOn)');
    expect(blobs?.parent).toBe('account');
    expect(containers?.loop).toMatchObject({ variables: ['item', 'index'], over: { text: 'items' } });
  });

  test('reads values as far as they are written, and keeps the rest as text', () => {
    const body = file.resources[0]?.body;
    expect(literalOf(at(body, 'properties.size'))).toBe(-1);
    expect(literalOf(at(body, 'properties.text'))).toBe("it's");
    expect(at(body, 'properties.nothing.there')).toBeUndefined();
    const sku = at(body, 'properties.sku');
    expect(sku && outcomes(sku).map(literalOf)).toEqual(['large', 'small']);
    const list = at(body, 'properties.list');
    expect(list?.kind === 'array' && list.items.map((item) => item.text)).toEqual([
      'deployer().objectId',
      'first(list)',
      'other[0].id',
    ]);
  });

  test('reads parameter files, whose values have no type', async () => {
    const given = await readBicep('x.bicepparam', "using 'main.bicep'\n\nparam size = 3\nparam names = ['a']\n");
    expect(given.errors).toEqual([]);
    expect(given.variables.map((v) => [v.name, v.line])).toEqual([
      ['size', 3],
      ['names', 4],
    ]);
  });

  test('says where a text is not Bicep', async () => {
    const { errors } = await readBicep('x.bicep', "param a string\n\nresource b 'x@1' {\n");
    expect(errors[0]?.line).toBe(3);
  });
});
