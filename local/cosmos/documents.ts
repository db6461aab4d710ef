import { runBatch } from './batch.ts';
import { readChangeFeed } from './change-feed.ts';
import { METADATA_CHARGE } from './charge.ts';
import type { Json } from './definition.ts';
import { isObject } from './definition.ts';
import { badRequest, CosmosError } from './errors.ts';
import type { ItemOperation } from './items.ts';
import { Items } from './items.ts';
import { parseKey } from './partition-key.ts';
import type { KeyScope, QuerySpec } from './query.ts';
import { Queries } from './query.ts';
import { queryPlan } from './query-plan.ts';
import type { Container, Store } from './store.ts';

/** Header names in lower case, as node gives them. */
export type Headers = Readonly<Record<string, string | string[] | undefined>>;

export interface Answer {
  status: number;
  charge: number;
  body?: string;
  headers?: Record<string, string>;
}

export interface DocumentRequest {
  method: string;
  /** Undefined for the feed `/docs` itself. */
  id: string | undefined;
  headers: Headers;
  body: string;
}

const KEY_HEADER = 'x-ms-documentdb-partitionkey';
const ITEM_METHODS: Readonly<Record<string, ItemOperation['kind']>> = {
  GET: 'read',
  PUT: 'replace',
  DELETE: 'delete',
  PATCH: 'patch',
};

/** Everything under `/docs` of a container. */
export class Documents {
  private readonly store: Store;
  private readonly queries: Queries;
  private readonly items: Items;

  constructor(store: Store) {
    this.store = store;
    this.queries = new Queries(store);
    this.items = new Items(store, (container, row, predicate) => this.queries.matches(container, row, predicate));
  }

  handle(container: Container, request: DocumentRequest): Answer {
    const { method, id, headers } = request;
    if (id !== undefined) {
      const kind = ITEM_METHODS[method];
      if (kind === undefined) throw new CosmosError(405, `The method ${method} is not allowed on an item.`);
      return this.item(container, kind, request);
    }
    if (method === 'GET')
      return header(headers, 'a-im') === undefined
        ? this.query(container, request, readAll)
        : this.feed(container, headers);
    if (method !== 'POST') throw new CosmosError(405, `The method ${method} is not allowed on a feed.`);
    if (isOn(headers, 'x-ms-cosmos-is-query-plan-request')) return this.plan(request);
    if (isOn(headers, 'x-ms-cosmos-is-batch-request')) return this.batch(container, request);
    const isQuery =
      isOn(headers, 'x-ms-documentdb-isquery') ||
      String(headers['content-type'] ?? '').startsWith('application/query+json');
    if (isQuery) return this.query(container, request, readSpec(request.body));
    return this.item(container, isOn(headers, 'x-ms-documentdb-is-upsert') ? 'upsert' : 'create', request);
  }

  private item(container: Container, kind: ItemOperation['kind'], { id, headers, body }: DocumentRequest): Answer {
    for (const name of ['x-ms-documentdb-pre-trigger-include', 'x-ms-documentdb-post-trigger-include']) {
      if (headers[name] !== undefined) throw badRequest('Stored triggers are not supported.');
    }
    const pk = fullKey(container, headers);
    if (pk === undefined) throw badRequest('PartitionKey value must be supplied for this operation.');
    const hasBody = kind !== 'read' && kind !== 'delete';
    const operation: ItemOperation = {
      kind,
      pk,
      id,
      body: hasBody ? parseJson(body) : undefined,
      ifMatch: header(headers, 'if-match'),
      ifNoneMatch: header(headers, 'if-none-match'),
    };
    const run = () => this.items.execute(container, operation);
    const { status, charge, etag, body: text } = kind === 'read' ? run() : this.store.transaction(run);
    return {
      status,
      charge,
      ...(text === undefined ? {} : { body: text }),
      ...(etag === undefined ? {} : { headers: { etag } }),
    };
  }

  private batch(container: Container, { headers, body }: DocumentRequest): Answer {
    const isAtomic = isOn(headers, 'x-ms-cosmos-batch-atomic');
    const pk = fullKey(container, headers);
    if (isAtomic && pk === undefined) throw badRequest('PartitionKey value must be supplied for this operation.');
    const isMinimal = header(headers, 'prefer') === 'return=minimal';
    const continuesOnError = isOn(headers, 'x-ms-cosmos-batch-continue-on-error');
    return runBatch(this.store, this.items, container, {
      text: body,
      pk: isAtomic ? pk : undefined,
      isAtomic,
      continuesOnError,
      isMinimal,
    });
  }

  private plan({ body }: DocumentRequest): Answer {
    const spec = readSpec(body);
    return {
      status: 200,
      charge: METADATA_CHARGE,
      body: JSON.stringify(queryPlan(this.queries.parse(spec.query), spec)),
    };
  }

  private query(container: Container, { headers }: DocumentRequest, spec: QuerySpec): Answer {
    const scope = keyScope(container, headers);
    const isForOneRange = scope.kind !== 'all' || header(headers, 'x-ms-documentdb-partitionkeyrangeid') !== undefined;
    if (!isForOneRange && this.queries.isComplex(spec)) {
      const plan = queryPlan(this.queries.parse(spec.query), spec);
      throw new CosmosError(
        400,
        'The provided cross partition query can not be directly served by the gateway; it needs the query plan in additionalErrorInfo.',
        {
          extra: { additionalErrorInfo: JSON.stringify(plan) },
        },
      );
    }
    refuseSubRange(headers);
    const page = this.queries.execute(container, spec, scope, maxItems(headers), header(headers, 'x-ms-continuation'));
    return {
      status: 200,
      charge: page.charge,
      body: `{"_rid":"${container.resourceId}","Documents":[${page.items.join(',')}],"_count":${page.items.length}}`,
      headers: {
        'x-ms-item-count': String(page.items.length),
        ...(page.continuation === undefined ? {} : { 'x-ms-continuation': page.continuation }),
      },
    };
  }

  private feed(container: Container, headers: Headers): Answer {
    if (header(headers, 'a-im')?.toLowerCase() !== 'incremental feed')
      throw badRequest('Only the latest-version change feed is supported.');
    refuseSubRange(headers);
    const pk = fullKey(container, headers);
    const position = header(headers, 'if-none-match');
    const page = readChangeFeed(this.store, container, {
      position,
      since: header(headers, 'if-modified-since'),
      pk,
      maxItems: maxItems(headers),
    });
    const extra = { etag: page.etag, 'x-ms-item-count': String(page.items.length) };
    if (page.items.length === 0) return { status: 304, charge: page.charge, headers: extra };
    const body = `{"_rid":"${container.resourceId}","Documents":[${page.items.join(',')}],"_count":${page.items.length}}`;
    return { status: 200, charge: page.charge, body, headers: extra };
  }
}

const readAll: QuerySpec = { query: 'SELECT * FROM c', parameters: new Map() };

export function header(headers: Headers, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' ? value : undefined;
}

function isOn(headers: Headers, name: string): boolean {
  return header(headers, name)?.toLowerCase() === 'true';
}

function maxItems(headers: Headers): number | undefined {
  const text = header(headers, 'x-ms-max-item-count');
  const value = text === undefined ? undefined : Number(text);
  if (value !== undefined && !Number.isInteger(value)) throw badRequest('x-ms-max-item-count must be a whole number.');
  return value;
}

function fullKey(container: Container, headers: Headers): string | undefined {
  const scope = keyScope(container, headers);
  if (scope.kind === 'prefix')
    throw badRequest(
      "Partition key provided doesn't correspond to definition in the collection: it is a prefix.",
      1001,
    );
  return scope.kind === 'key' ? scope.text : undefined;
}

function keyScope(container: Container, headers: Headers): KeyScope {
  const text = header(headers, KEY_HEADER);
  if (text === undefined) return { kind: 'all' };
  const key = parseKey(text, container.keyPaths.length);
  return { kind: key.isFull ? 'key' : 'prefix', text: key.text };
}

function refuseSubRange(headers: Headers): void {
  if (header(headers, 'x-ms-start-epk') !== undefined) {
    throw badRequest(
      'Parts of a key range (prefix of a hierarchical key in the change feed, custom feed ranges) are not supported.',
    );
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw badRequest('The request body is not valid JSON.');
  }
}

function readSpec(text: string): QuerySpec {
  const parsed = parseJson(text);
  if (!isObject(parsed) || typeof parsed['query'] !== 'string')
    throw badRequest('A query is {"query": ..., "parameters": [...]}.');
  const parameters = new Map<string, Json>();
  const list = parsed['parameters'] ?? [];
  if (!Array.isArray(list)) throw badRequest('The parameters of a query are a list.');
  for (const entry of list) {
    if (!isObject(entry) || typeof entry['name'] !== 'string' || !/^@\w+$/.test(entry['name']))
      throw badRequest('A parameter is {"name": "@x", "value": ...}.');
    // A value that JSON left out is undefined, which no parameter can be.
    if (entry['value'] === undefined) throw badRequest(`The parameter ${entry['name']} has no value.`);
    parameters.set(entry['name'], entry['value']);
  }
  return { query: parsed['query'], parameters };
}
