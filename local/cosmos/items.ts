import { readCharge, writeCharge } from './charge.ts';
import type { Json, JsonObject } from './definition.ts';
import { isObject } from './definition.ts';
import { badRequest, CosmosError } from './errors.ts';
import { keyOf } from './partition-key.ts';
import { applyPatch, parsePatch } from './patch.ts';
import type { Container, Store, StoredRow } from './store.ts';
import { documentRid, etagOf } from './store.ts';

const ITEM_MAX_BYTES = 2 * 1024 * 1024;
const ID_MAX_BYTES = 1023;
const DEPTH_MAX = 128;
const TTL_MAX_S = 2_147_483_647;
const MS_PER_S = 1000;

export interface ItemOperation {
  kind: 'create' | 'upsert' | 'replace' | 'read' | 'delete' | 'patch';
  pk: string;
  /** The id in the path; unused by create and upsert. */
  id?: string | undefined;
  body?: unknown;
  ifMatch?: string | undefined;
  ifNoneMatch?: string | undefined;
}

export interface ItemOutcome {
  status: number;
  charge: number;
  etag?: string;
  body?: string;
}

/** Decides the filter predicate of a patch for one stored row; given from outside, so that this file needs no query language. */
export type PredicateCheck = (container: Container, row: StoredRow, predicate: string) => boolean;

/** Single-item operations. Writes must run inside a transaction of the caller. */
export class Items {
  private readonly store: Store;
  private readonly check: PredicateCheck;

  constructor(store: Store, check: PredicateCheck) {
    this.store = store;
    this.check = check;
  }

  execute(container: Container, operation: ItemOperation): ItemOutcome {
    switch (operation.kind) {
      case 'create':
        return this.create(container, operation);
      case 'upsert':
        return this.upsert(container, operation);
      case 'replace':
        return this.replace(container, operation);
      case 'patch':
        return this.patch(container, operation);
      case 'read':
        return this.read(container, operation);
      case 'delete':
        return this.delete(container, operation);
    }
  }

  private read(container: Container, operation: ItemOperation): ItemOutcome {
    const row = this.existing(container, operation);
    const etag = etagOf(row);
    const charge = readCharge(row.bytes);
    if (operation.ifNoneMatch !== undefined && (operation.ifNoneMatch === '*' || operation.ifNoneMatch === etag)) {
      return { status: 304, charge, etag };
    }
    return { status: 200, charge, etag, body: row.body };
  }

  private create(container: Container, operation: ItemOperation): ItemOutcome {
    const document = checkedDocument(container, operation);
    return this.write(container, operation.pk, document, undefined, 201);
  }

  private upsert(container: Container, operation: ItemOperation): ItemOutcome {
    const document = checkedDocument(container, operation);
    const row = this.store.find(container, operation.pk, idOf(document));
    if (row !== undefined) requireMatch(row, operation);
    return this.write(container, operation.pk, document, row, row === undefined ? 201 : 200);
  }

  private replace(container: Container, operation: ItemOperation): ItemOutcome {
    const document = checkedDocument(container, operation);
    if (idOf(document) !== operation.id) throw badRequest('A replace cannot change the id of an item.');
    const row = this.existing(container, operation);
    requireMatch(row, operation);
    return this.write(container, operation.pk, document, row, 200);
  }

  private patch(container: Container, operation: ItemOperation): ItemOutcome {
    const { operations, condition } = parsePatch(operation.body, container.keyPaths);
    const row = this.existing(container, operation);
    requireMatch(row, operation);
    if (condition !== undefined && !this.check(container, row, condition)) throw preconditionFailed();
    // Stored bodies are objects: checkedDocument saw to it before they were written.
    const document = JSON.parse(row.body) as JsonObject;
    applyPatch(document, operations);
    if (isDeeperThan(document, DEPTH_MAX)) throw badRequest(`An item may be nested ${DEPTH_MAX} levels deep.`);
    return this.write(container, operation.pk, document, row, 200);
  }

  private delete(container: Container, operation: ItemOperation): ItemOutcome {
    const row = this.existing(container, operation);
    requireMatch(row, operation);
    this.store.nextLsn();
    this.store.remove(container, row.rid);
    return { status: 204, charge: writeCharge(row, undefined) };
  }

  private existing(container: Container, operation: ItemOperation): StoredRow {
    const row = this.store.find(container, operation.pk, operation.id ?? '');
    if (row === undefined) {
      throw new CosmosError(404, 'Entity with the specified id does not exist in the system.');
    }
    return row;
  }

  private write(
    container: Container,
    pk: string,
    document: JsonObject,
    before: StoredRow | undefined,
    status: number,
  ): ItemOutcome {
    const id = idOf(document);
    const lsn = this.store.nextLsn();
    const rid = before?.rid ?? lsn;
    const ts = Math.floor(this.store.now() / MS_PER_S);
    const etag = etagOf({ lsn, ts });
    for (const name of ['_rid', '_self', '_etag', '_attachments', '_ts', '_lsn']) delete document[name];
    const ridText = documentRid(container, rid);
    const self = `dbs/${this.store.databaseRid}/colls/${container.resourceId}/docs/${ridText}/`;
    // The system properties are spliced into the text, so that reads answer it as it is stored.
    const body = `${JSON.stringify(document).slice(0, -1)},"_rid":"${ridText}","_self":"${self}","_etag":${JSON.stringify(etag)},"_attachments":"attachments/","_ts":${ts}}`;
    const bytes = Buffer.byteLength(body);
    if (bytes > ITEM_MAX_BYTES) {
      throw new CosmosError(
        413,
        `Request size is too large: the item has ${bytes} bytes, the limit is ${ITEM_MAX_BYTES}.`,
      );
    }
    const terms = container.policy.countTerms(document);
    const row = { rid, pk, id, lsn, ts, expires_ms: expiry(container, document['ttl'], ts), terms, bytes, body };
    this.store.put(container, row);
    return { status, charge: writeCharge(before, row), etag, body };
  }
}

function preconditionFailed(): CosmosError {
  return new CosmosError(412, 'One of the specified pre-condition is not met.');
}

function requireMatch(row: StoredRow, operation: ItemOperation): void {
  const { ifMatch } = operation;
  if (ifMatch !== undefined && ifMatch !== '*' && ifMatch !== etagOf(row)) throw preconditionFailed();
}

function idOf(document: JsonObject): string {
  return String(document['id']);
}

function checkedDocument(container: Container, operation: ItemOperation): JsonObject {
  const { body } = operation;
  if (!isObject(body)) throw badRequest('The request payload is invalid: an item is a JSON object.');
  const id = body['id'];
  if (typeof id !== 'string' || id === '') {
    throw badRequest("The input content is invalid because the required properties - 'id; ' - are missing.");
  }
  if (Buffer.byteLength(id) > ID_MAX_BYTES || /[/\\?#]/.test(id)) {
    throw badRequest(`Id must have at most ${ID_MAX_BYTES} bytes and none of the characters / \\ ? #`);
  }
  if (isDeeperThan(body, DEPTH_MAX)) throw badRequest(`An item may be nested ${DEPTH_MAX} levels deep.`);
  if (keyOf(body, container.keyPaths) !== operation.pk) {
    throw badRequest("PartitionKey extracted from document doesn't match the one specified in the header.", 1001);
  }
  return body;
}

/** Milliseconds since the epoch at which the item is gone, or null. */
function expiry(container: Container, ttl: Json | undefined, ts: number): number | null {
  if (ttl !== undefined && ttl !== null) {
    if (typeof ttl !== 'number' || !Number.isInteger(ttl) || ttl === 0 || ttl < -1 || ttl > TTL_MAX_S) {
      throw badRequest(`The input ttl '${String(ttl)}' is invalid: a positive integer up to ${TTL_MAX_S}, or -1.`);
    }
  }
  const containerTtl = container.definition.defaultTtl;
  const seconds = containerTtl === undefined ? -1 : typeof ttl === 'number' ? ttl : containerTtl;
  return seconds === -1 ? null : (ts + seconds) * MS_PER_S;
}

function isDeeperThan(value: Json, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((item) => isDeeperThan(item, levels - 1));
}
