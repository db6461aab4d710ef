import { describe, expect, test } from 'vitest';
import { RouteTable } from '../../../local/host/route-table.ts';
import type { RegisteredFunction } from '../../../local/host/worker-module.ts';

const fn = (name: string): RegisteredFunction => ({ metadata: { name, bindings: {} }, handler: () => undefined });

function table(routes: Record<string, string>): RouteTable {
  const made = new RouteTable();
  for (const [name, route] of Object.entries(routes)) {
    const [method = '', template = ''] = route.split(' ');
    made.add(template, [method], fn(name));
  }
  return made;
}

function found(made: RouteTable, path: string, method = 'GET'): string | undefined {
  const match = made.find(method, path);
  return match && [match.fn.metadata.name, ...Object.entries(match.params).map(([k, v]) => `${k}=${v}`)].join(' ');
}

const guid = '6ba7b810-9dad-11d1-80b4-00c04fd430c8';

describe('routes', () => {
  test('a literal segment wins over a constrained parameter, that over a plain one, and a catch-all comes last', () => {
    const made = table({
      rest: 'GET items/{*rest}',
      plain: 'GET items/{name}',
      guid: 'GET items/{id:guid}',
      literal: 'GET items/mine',
    });
    expect(found(made, '/items/mine')).toBe('literal');
    expect(found(made, `/items/${guid}`)).toBe(`guid id=${guid}`);
    expect(found(made, '/items/yours')).toBe('plain name=yours');
    expect(found(made, '/items/a/b')).toBe('rest rest=a/b');
    expect(found(made, '/items')).toBe('rest');
  });

  test('a literal that leads nowhere does not hide a parameter that leads on', () => {
    const made = table({ a: 'GET items/mine/open', b: 'GET items/{id}/closed' });
    expect(found(made, '/items/mine/closed')).toBe('b id=mine');
    expect(found(made, '/items/mine/other')).toBeUndefined();
  });

  test('the method is a part of the match: a route of another method gives way to a weaker route', () => {
    const made = table({ a: 'POST items/mine', b: 'GET items/{id}' });
    expect(found(made, '/items/mine')).toBe('b id=mine');
    expect(found(made, '/items/mine', 'POST')).toBe('a');
    expect(found(made, '/items/mine', 'DELETE')).toBeUndefined();
  });

  test('literals match without regard to case, parameters keep theirs, and a last slash is ignored', () => {
    const made = table({ a: 'GET api/Items/{id}' });
    expect(found(made, '/API/items/AbC/')).toBe('a id=AbC');
    expect(found(made, '/api/items//')).toBeUndefined();
    expect(found(made, '/api/items')).toBeUndefined();
  });

  test('parameters are percent-decoded once, an encoded slash makes no segment, and nonsense is passed on', () => {
    const made = table({ a: 'GET items/{id}' });
    expect(found(made, '/items/a%20b%C3%A9')).toBe('a id=a bé');
    expect(found(made, '/items/a%2525')).toBe('a id=a%25');
    expect(found(made, '/items/a%2Fb%20c')).toBe('a id=a%2Fb c');
    expect(found(made, '/items/%zz%E0%A4%A')).toBe('a id=%zz%E0%A4%A');
    expect(found(made, '/%69tems/x')).toBe('a id=x');
  });

  test('an optional parameter may be left out, and an exact route goes before it', () => {
    const made = table({ a: 'GET items/{id?}', b: 'GET others/{id?}', c: 'GET others' });
    expect(found(made, '/items')).toBe('a');
    expect(found(made, '/items/1')).toBe('a id=1');
    expect(found(made, '/others')).toBe('c');
  });

  test('the empty template is the root', () => {
    expect(found(table({ a: 'GET /' }), '/')).toBe('a');
  });

  test.each([
    ['int', ['0', '-5', '2147483647'], ['2147483648', 'x', '1.5', '']],
    ['long', ['9223372036854775807'], ['9223372036854775808', 'x']],
    ['guid', [guid, guid.toUpperCase(), guid.replaceAll('-', ''), `{${guid}}`], [`${guid}0`, 'x', guid.slice(1)]],
    ['bool', ['true', 'False'], ['1']],
    ['alpha', ['abc'], ['ab1']],
    ['alpha:bool', ['true'], ['yes', '1']],
  ])('the constraint %s lets only its values through', (constraint, good, bad) => {
    const made = table({ a: `GET x/{v:${constraint}}` });
    for (const value of good) expect(found(made, `/x/${value}`)).toBe(`a v=${value}`);
    for (const value of bad) expect(found(made, `/x/${value}`)).toBeUndefined();
  });

  test.each([
    ['{id:regex(^a$)}', /regex/],
    ['{id:range(1,2)}', /range/],
    ['{name}.html', /not supported/],
    ['{id=5}', /not supported/],
    ['{*rest}/more', /last segment/],
    ['{id}/{id}', /twice/],
  ])('the template %s is refused with the reason', (template, reason) => {
    expect(() => table({ a: `GET ${template}` })).toThrow(reason);
  });

  test('two functions cannot answer the same method at the same place', () => {
    expect(() => table({ a: 'GET items/{id}', b: 'GET Items/{other}' })).toThrow(/"a" answers GET/);
    expect(found(table({ a: 'GET items/{id}', b: 'PUT Items/{other}' }), '/items/1', 'PUT')).toBe('b other=1');
  });
});
