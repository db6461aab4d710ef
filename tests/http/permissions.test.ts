import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { accessOf, builtInRoles } from '../../shared/platform/permissions.ts';
import { callRightly, makeWorld, operations, parameterNames, pathOf, type World } from './battery-world.ts';
import { type Person, startLab } from './client.ts';

// Every cell of the second table of docs/permissions.md; refusals with 403 and their sentences are in battery.test.ts.

let world: World;
/** Somebody of each role who has nothing to do with what the world holds. */
let strangers: Record<string, Person>;
beforeAll(async () => {
  world = await makeWorld(await startLab());
  const made = builtInRoles.map(async (role) => [role, await world.lab.makePerson(role)] as const);
  strangers = Object.fromEntries(await Promise.all(made));
});
afterAll(async () => {
  await world.close();
  await world.lab.close();
});

/** Bodies that name something which belongs to somebody. */
const namedInBody = new Set(['create-entry', 'enrol-student', 'unenrol-student']);

const cells = operations
  // The other paths of an endpoint are the same endpoint.
  .filter(({ endpoint, route }) => route === endpoint.routes[0])
  .flatMap(({ endpoint, route }) => {
    const { auth } = endpoint;
    return builtInRoles.map((role) => {
      const access = typeof auth === 'string' ? ('allowed' as const) : accessOf(role, auth);
      return { endpoint, route, role, access, title: `${role}: ${endpoint.name} is ${access}` };
    });
  });
const may = cells.filter(({ access, endpoint }) => access !== 'refused' && endpoint.name !== 'get-readiness');
const owned = may.filter(({ access }) => access === 'own only');
const isNaming = (cell: (typeof cells)[number]) =>
  parameterNames(cell.route).length > 0 || namedInBody.has(cell.endpoint.name);

test('the table has every endpoint and every role', () => {
  expect(cells.length).toBe(new Set(operations.map(({ endpoint }) => endpoint.name)).size * builtInRoles.length);
  expect(owned.filter(isNaming).length).toBeGreaterThan(0);
});

describe('what is allowed or their own is done for who may', () => {
  test.each(may)('$title', async ({ endpoint, route, role }) => {
    const caller = world.people[role];
    const reply = await callRightly(world, endpoint, route, { caller });
    expect([reply.status, reply.status < 300 ? '' : reply.text]).toEqual([endpoint.success.status, '']);
  });
});

describe('what belongs to somebody else is not there', () => {
  test.each(owned.filter(isNaming))('$title', async ({ endpoint, route, role }) => {
    const stranger = strangers[role];
    if (stranger === undefined) throw new Error(`There is no stranger of the role ${role}.`);
    const options = { token: stranger.token };
    const reply = await callRightly(world, endpoint, route, { caller: world.people[role], options });
    // 403 where the page of an older client needs its sentence.
    expect([404, 403], reply.text).toContain(reply.status);
  });

  const lists = owned.filter((cell) => !isNaming(cell) && cell.endpoint.method === 'GET');
  test.each(lists)('$title', async ({ endpoint, route, role }) => {
    const stranger = strangers[role];
    const path = await pathOf(world, endpoint, route, { caller: world.people[role] });
    const [mine, theirs] = await Promise.all([world.people[role].get(path), stranger?.get(path)]);
    const items = (text: string | undefined): string[] => {
      const body: unknown = JSON.parse(text ?? '');
      return (Array.isArray(body) ? body : [body]).map((item) => JSON.stringify(item));
    };
    expect(items(theirs?.text).filter((item) => items(mine.text).includes(item))).toEqual([]);
  });
});
