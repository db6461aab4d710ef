import type {
  ItemResponse,
  JSONObject,
  OperationInput,
  OperationResponse,
  RequestOptions,
  Container as SdkContainer,
} from '@azure/cosmos';
import type {
  BatchOperation,
  BatchRefusal,
  Container,
  NamedQuery,
  PartitionKey,
  PatchOperation,
  QueryOptions,
  StoredDocument,
} from './container.ts';
import { CosmosError, containerMissing, isOwnerMissing } from './errors.ts';
import { type Metering, metered } from './metering.ts';

type WriteAnswer = Pick<ItemResponse<StoredDocument>, 'etag' | 'requestCharge' | 'diagnostics'>;

const QUERY_RESULTS_MAX = 10_000;
const QUERY_PAGE_ITEMS = 1_000;

/** Operations beside the refused one are answered with this: failed because another did. */
const FAILED_DEPENDENCY = 424;

/** The refusals of a batch that tell a caller who was first; others are failures. */
const REFUSALS: ReadonlySet<number> = new Set([404, 409, 412]);

const SERVICE_FIELDS: ReadonlySet<string> = new Set(['_rid', '_self', '_attachments', '_ts', '_lsn']);

function toKey(pk: PartitionKey): string[] {
  return typeof pk === 'string' ? [pk] : [...pk];
}

/** A document as it was stored and its ETag, without the service's other fields; a query may also yield plain values. */
function asRead<T>(value: unknown): T {
  // The shape of what a repository stored is that repository's knowledge: it names T beside the id or the query.
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value as T;
  return Object.fromEntries(Object.entries(value).filter(([name]) => !SERVICE_FIELDS.has(name))) as T;
}

/** The document that is sent: the ETag that it was read with is no part of it. */
function asStored({ _etag, ...doc }: StoredDocument): JSONObject & StoredDocument {
  // Stored documents are inferred from zod schemas of JSON values; the SDK wants the same with an index signature.
  return doc as JSONObject & StoredDocument;
}

function ifMatch(etag: string | undefined): Pick<RequestOptions, 'accessCondition'> {
  return etag === undefined ? {} : { accessCondition: { type: 'IfMatch', condition: etag } };
}

function patchBody(operations: readonly PatchOperation[], condition: string | undefined) {
  return condition === undefined ? { operations: [...operations] } : { operations: [...operations], condition };
}

function toSdkOperation(operation: BatchOperation): OperationInput {
  const match = 'etag' in operation && operation.etag !== undefined ? { ifMatch: operation.etag } : {};
  switch (operation.op) {
    case 'create':
      return { operationType: 'Create', resourceBody: asStored(operation.doc) };
    case 'upsert':
      return { operationType: 'Upsert', resourceBody: asStored(operation.doc) };
    case 'replace':
      return { operationType: 'Replace', id: operation.doc.id, resourceBody: asStored(operation.doc), ...match };
    case 'patch': {
      const resourceBody = patchBody(operation.operations, operation.condition);
      return { operationType: 'Patch', id: operation.id, resourceBody, ...match };
    }
    case 'remove':
      // On the wire a delete has ifMatch like every other operation; only the SDK's type for it leaves it out.
      return { operationType: 'Delete', id: operation.id, ...match };
  }
}

function refusalIn(results: readonly OperationResponse[]): BatchRefusal | undefined {
  const isCulprit = ({ statusCode }: OperationResponse) => statusCode >= 400 && statusCode !== FAILED_DEPENDENCY;
  const index = results.findIndex(isCulprit);
  const status = results[index]?.statusCode;
  return status === undefined ? undefined : { index, status };
}

/** The operations on one container, through the SDK. */
export function createContainer(id: string, connect: () => Promise<SdkContainer>, metering: Metering): Container {
  async function write(
    operation: string,
    etag: string | undefined,
    send: (container: SdkContainer, options: RequestOptions) => Promise<WriteAnswer>,
  ): Promise<{ etag: string }> {
    const container = await connect();
    const options = { disableAutomaticIdGeneration: true, ...ifMatch(etag) };
    const answer = await metered(metering, id, operation, (abortSignal) =>
      send(container, { ...options, abortSignal }),
    );
    return { etag: answer.etag };
  }

  return {
    async read<T extends StoredDocument>(docId: string, pk: PartitionKey) {
      const container = await connect();
      const answer = await metered(metering, id, 'read', async (abortSignal) => {
        const found = await container.item(docId, toKey(pk)).read<T>({ abortSignal });
        if (isOwnerMissing(found.statusCode, found.substatus)) throw containerMissing(id);
        return found;
      });
      if (answer.statusCode === 404 || answer.resource === undefined) return undefined;
      return asRead<T & { _etag: string }>(answer.resource);
    },

    create: (doc) => write('create', undefined, (container, options) => container.items.create(asStored(doc), options)),

    upsert: (doc) => write('upsert', undefined, (container, options) => container.items.upsert(asStored(doc), options)),

    replace: (doc, pk, etag) =>
      write('replace', etag, (container, options) => container.item(doc.id, toKey(pk)).replace(asStored(doc), options)),

    patch: (docId, pk, operations, { condition, etag } = {}) =>
      write('patch', etag, (container, options) =>
        container.item(docId, toKey(pk)).patch<StoredDocument>(patchBody(operations, condition), options),
      ),

    async remove(docId, pk, etag) {
      try {
        await write('remove', etag, (container, options) => container.item(docId, toKey(pk)).delete(options));
        return true;
      } catch (error) {
        if (error instanceof CosmosError && error.status === 404) return false;
        throw error;
      }
    },

    async tryBatch(pk, operations) {
      const container = await connect();
      const { refusal } = await metered(metering, id, 'batch', async (abortSignal) => {
        const answer = await container.items.batch(operations.map(toSdkOperation), toKey(pk), {
          abortSignal,
          // The answer need not carry the documents back: the caller has them.
          contentResponseOnWriteEnabled: false,
        });
        const requestCharge = Number(answer.headers?.['x-ms-request-charge']) || 0;
        return { refusal: refusalIn(answer.result ?? []), requestCharge, diagnostics: answer.diagnostics };
      });
      if (refusal === undefined || REFUSALS.has(refusal.status)) return refusal;
      const { index, status } = refusal;
      throw new CosmosError(status, `Cosmos batch on ${id} failed: operation ${index} with status ${status}.`, {
        retryAfterS: status === 429 ? 1 : undefined,
      });
    },

    async query<T>(query: NamedQuery, { pk, parameters }: QueryOptions) {
      const container = await connect();
      const spec = {
        query: query.text,
        parameters: parameters.map(({ name, value }) => ({ name, value: asParameter(value) })),
      };
      const scope = pk === 'cross-partition' ? {} : { partitionKey: toKey(pk) };
      const pages = container.items.query<unknown>(spec, { ...scope, maxItemCount: QUERY_PAGE_ITEMS });
      if (query.scope === 'partition') withoutPlan(pages);
      const found: T[] = [];
      do {
        const { resources } = await metered(metering, id, `query ${query.name}`, () => pages.fetchNext());
        for (const resource of resources ?? []) found.push(asRead<T>(resource));
        if (found.length > QUERY_RESULTS_MAX) {
          throw new RangeError(
            `The query ${query.name} finds more than the ${QUERY_RESULTS_MAX} documents that it may.`,
          );
        }
      } while (pages.hasMoreResults());
      return found;
    },
  };
}

/**
 * Beside every query the SDK (4.10) asks the gateway for a plan, a request of its own, and drops it when the query stays in
 * one partition. It asks only where it does not know one yet, so it is told one; it must be an error, which the SDK raises
 * should it want to use the plan after all. A test counts the requests, because this is no promise of the SDK.
 */
function withoutPlan(pages: object): void {
  Reflect.set(pages, 'queryPlanPromise', Promise.resolve(new Error('A query in one partition has no plan.')));
}

function asParameter(value: QueryOptions['parameters'][number]['value']) {
  return typeof value === 'object' && value !== null ? [...value] : value;
}
