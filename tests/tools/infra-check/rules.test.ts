import { describe, expect, test } from 'vitest';
import { required } from '../../../tools/infra-check/required.ts';
import { resourceTypes } from '../../../tools/infra-check/resource-types.ts';
import { forbiddenRoles, roles } from '../../../tools/infra-check/roles.ts';
import { rules } from '../../../tools/infra-check/rules.ts';
import { appCases } from './app-cases.ts';
import { dataCases } from './data-cases.ts';
import { declarationCases } from './declaration-cases.ts';
import { identityCases } from './identity-cases.ts';
import { saidBy } from './templates-of.ts';

const cases = [...declarationCases, ...identityCases, ...appCases, ...dataCases];

describe.each(rules)('rule $id', ({ id }) => {
  test.each(cases.filter((c) => c.rule === id))('$name', async ({ snippet, other, says }) => {
    const said = await saidBy(id, snippet, other);
    if (says === undefined) expect(said).toEqual([]);
    else expect(said.join('\n')).toMatch(says);
  });

  test('bites: there is a case in which it says something', () => {
    const ofTable = id === 'required-properties';
    expect(ofTable || cases.some((c) => c.rule === id && c.says !== undefined)).toBe(true);
  });
});

describe('rule required-properties', () => {
  /** A resource that says one thing alone. */
  const saying = (type: string, path: string, value: string) => {
    const names = path.split('.');
    const body = names.reduceRight((inner, name) => `{ ${name}: ${inner} }`, value);
    return `resource a '${type}@2025-01-01' = ${body}\n`;
  };
  const about = async (snippet: string, path: string) =>
    (await saidBy('required-properties', snippet)).filter((text) => text.includes(` ${path}`));
  const written = (value: unknown) => (typeof value === 'string' ? `'${value}'` : String(value));

  test.each(required)('$type without $path', async ({ type, path }) => {
    expect(await about(saying(type, 'name', "'x'"), path)).toHaveLength(1);
  });

  test.each(required)('$type with $path as it has to be', async ({ type, path, values = [1] }) => {
    for (const value of values) expect(await about(saying(type, path, written(value)), path)).toEqual([]);
  });

  test.each(required.filter(({ values }) => values !== undefined))(
    '$type with another $path, or one that a parameter decides',
    async ({ type, path, values = [], some }) => {
      const wrong = typeof values[0] === 'boolean' ? String(!values[0]) : "'another'";
      expect(await about(saying(type, path, wrong), path)).toHaveLength(1);
      expect(await about(saying(type, path, 'anything'), path)).toHaveLength(1);
      const choice = saying(type, path, `isOn ? ${written(values[0])} : ${wrong}`);
      expect(await about(choice, path)).toHaveLength(some ? 0 : 1);
    },
  );

  test('every property belongs to a type of the table of versions', () => {
    for (const { type } of required) expect(resourceTypes).toHaveProperty([type]);
  });
});

describe('the table of roles', () => {
  test('holds no broad role', () => {
    for (const { id } of Object.values(roles)) expect(forbiddenRoles).not.toHaveProperty([id]);
  });

  test('gives every role on types that the table of versions has', () => {
    for (const { scopes } of Object.values(roles))
      for (const type of scopes) expect(resourceTypes).toHaveProperty([type]);
  });
});
