import { rounded } from './charge.ts';
import type { JsonObject } from './definition.ts';
import { isObject } from './definition.ts';
import { badRequest, CosmosError } from './errors.ts';
import type { ItemOperation, ItemOutcome, Items } from './items.ts';
import { parseKey } from './partition-key.ts';
import type { Container, Store } from './store.ts';

const OPERATIONS_MAX = 100;
const BODY_MAX_BYTES = 2 * 1024 * 1024;
const KINDS: Readonly<Record<string, ItemOperation['kind']>> = {
  Create: 'create',
  Upsert: 'upsert',
  Replace: 'replace',
  Read: 'read',
  Delete: 'delete',
  Patch: 'patch',
};

export interface BatchRequest {
  text: string;
  /** The key of a transactional batch; undefined for bulk, where each operation has its own. */
  pk: string | undefined;
  isAtomic: boolean;
  continuesOnError: boolean;
  /** `Prefer: return=minimal`: writes answer without the item. */
  isMinimal: boolean;
}

export interface BatchAnswer {
  status: number;
  charge: number;
  body: string;
}

type Result = { operation: ItemOperation; outcome: ItemOutcome } | { operation: ItemOperation; error: CosmosError };

class BatchFailed extends Error {}

/** Runs a transactional batch or one request of a bulk run, as one SQLite transaction. */
export function runBatch(store: Store, items: Items, container: Container, request: BatchRequest): BatchAnswer {
  const operations = parseOperations(container, request);
  const results: Result[] = [];
  try {
    store.transaction(() => {
      for (const operation of operations) {
        const result = attempt(items, container, operation);
        results.push(result);
        if ('error' in result && (request.isAtomic || !request.continuesOnError)) {
          if (request.isAtomic) throw new BatchFailed();
          break;
        }
      }
    });
  } catch (error) {
    if (!(error instanceof BatchFailed)) throw error;
    return answer(operations, results, true, request.isMinimal);
  }
  return answer(operations, results, false, request.isMinimal);
}

/** An operation that is refused has written nothing yet, so the others of a bulk request need no undoing. */
function attempt(items: Items, container: Container, operation: ItemOperation): Result {
  try {
    return { operation, outcome: items.execute(container, operation) };
  } catch (error) {
    if (error instanceof CosmosError) return { operation, error };
    throw error;
  }
}

/** The operations after and, in an undone batch, before the failed one answer 424. */
function answer(
  operations: readonly ItemOperation[],
  results: readonly Result[],
  isUndone: boolean,
  isMinimal: boolean,
): BatchAnswer {
  let charge = 0;
  let hasFailure = false;
  const entries = operations.map((operation, at) => {
    const result = results[at];
    if (result !== undefined && 'error' in result) {
      hasFailure = true;
      charge += result.error.charge;
      const { status, substatus, message } = result.error;
      return JSON.stringify({
        statusCode: status,
        subStatusCode: substatus,
        message,
        requestCharge: result.error.charge,
      });
    }
    charge += result?.outcome.charge ?? 0;
    if (result === undefined || isUndone) return '{"statusCode":424,"requestCharge":0}';
    const { status, etag } = result.outcome;
    const body = isMinimal && operation.kind !== 'read' ? undefined : result.outcome.body;
    const eTag = etag === undefined ? '' : `,"eTag":${JSON.stringify(etag)}`;
    return `{"statusCode":${status},"requestCharge":${result.outcome.charge}${eTag}${body === undefined ? '' : `,"resourceBody":${body}`}}`;
  });
  return { status: hasFailure ? 207 : 200, charge: rounded(Math.max(charge, 1)), body: `[${entries.join(',')}]` };
}

function parseOperations(container: Container, request: BatchRequest): ItemOperation[] {
  if (Buffer.byteLength(request.text) > BODY_MAX_BYTES) {
    throw new CosmosError(413, `Request size is too large: a batch may have ${BODY_MAX_BYTES} bytes.`);
  }
  let list: unknown;
  try {
    list = JSON.parse(request.text);
  } catch {
    throw badRequest('The batch is not valid JSON.');
  }
  if (!Array.isArray(list) || list.length === 0) throw badRequest('A batch is a list of operations.');
  if (list.length > OPERATIONS_MAX)
    throw badRequest(`Batch request has more operations than what is supported: ${OPERATIONS_MAX}.`);
  return list.map((entry: unknown) => {
    if (!isObject(entry)) throw badRequest('An operation of a batch is an object.');
    return parseOperation(container, request, entry);
  });
}

function parseOperation(container: Container, request: BatchRequest, entry: JsonObject): ItemOperation {
  const kind = KINDS[text(entry, 'operationType') ?? ''];
  if (kind === undefined) throw badRequest(`Batch operation ${String(entry['operationType'])} is not supported.`);
  const keyField = text(entry, 'partitionKey');
  const key = keyField === undefined ? undefined : parseKey(keyField, container.keyPaths.length);
  if (key?.isFull === false) throw badRequest('An operation needs the full partition key.', 1001);
  if (request.pk !== undefined && key !== undefined && key.text !== request.pk) {
    throw badRequest('All operations of a transactional batch must have the partition key of the batch.', 1001);
  }
  const pk = request.pk ?? key?.text;
  if (pk === undefined) throw badRequest('PartitionKey value must be supplied for this operation.');
  const id = text(entry, 'id');
  if (id === undefined && kind !== 'create' && kind !== 'upsert')
    throw badRequest(`Batch operation ${kind} needs an id.`);
  return {
    kind,
    pk,
    id,
    body: entry['resourceBody'],
    ifMatch: text(entry, 'ifMatch'),
    ifNoneMatch: text(entry, 'ifNoneMatch'),
  };
}

function text(entry: JsonObject, name: string): string | undefined {
  const value = entry[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') throw badRequest(`The field ${name} of a batch operation must be a string.`);
  return value;
}
