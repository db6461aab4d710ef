import type { Container, Store } from './store.ts';

/** Bodies of what is not an item: account, database, containers, key ranges. */
const FIXED_ETAG = '"00000000-0000-0000-0000-000000000000"';

export function accountBody(endpoint: string): unknown {
  const location = [{ name: 'Local', databaseAccountEndpoint: endpoint }];
  return {
    // Not `localhost`: for that name the SDK ignores the locations and reads the account before every request.
    id: 'lyceum-local',
    _rid: 'lyceum-local',
    _self: '',
    _dbs: '//dbs/',
    media: '//media/',
    addresses: '//addresses/',
    writableLocations: location,
    readableLocations: location,
    enableMultipleWriteLocations: false,
    userReplicationPolicy: { asyncReplication: false, minReplicaSetSize: 1, maxReplicasetSize: 1 },
    userConsistencyPolicy: { defaultConsistencyLevel: 'Session' },
    systemReplicationPolicy: { minReplicaSetSize: 1, maxReplicasetSize: 1 },
    readPolicy: { primaryReadCoefficient: 1, secondaryReadCoefficient: 1 },
    queryEngineConfiguration:
      '{"maxSqlQueryInputLength":262144,"enableSpatialIndexing":false,"maxInExpressionItemsCount":16000}',
  };
}

export function databaseBody(store: Store): Record<string, unknown> {
  return {
    id: store.database,
    _rid: store.databaseRid,
    _self: `dbs/${store.databaseRid}/`,
    _etag: FIXED_ETAG,
    _colls: 'colls/',
    _users: 'users/',
    _ts: 0,
  };
}

export function containerBody(store: Store, container: Container): Record<string, unknown> {
  const { id, partitionKey, indexingPolicy, defaultTtl, uniqueKeyPolicy } = container.definition;
  return {
    id,
    indexingPolicy,
    partitionKey: { paths: partitionKey.paths, kind: partitionKey.kind ?? 'Hash', version: partitionKey.version ?? 2 },
    ...(defaultTtl === undefined ? {} : { defaultTtl }),
    uniqueKeyPolicy: uniqueKeyPolicy ?? { uniqueKeys: [] },
    conflictResolutionPolicy: {
      mode: 'LastWriterWins',
      conflictResolutionPath: '/_ts',
      conflictResolutionProcedure: '',
    },
    geospatialConfig: { type: 'Geography' },
    _rid: container.resourceId,
    _ts: 0,
    _self: `dbs/${store.databaseRid}/colls/${container.resourceId}/`,
    _etag: FIXED_ETAG,
    _docs: 'docs/',
    _sprocs: 'sprocs/',
    _triggers: 'triggers/',
    _udfs: 'udfs/',
    _conflicts: 'conflicts/',
  };
}

/** One physical partition that holds all keys. */
export function keyRangesBody(container: Container): unknown {
  const range = {
    _rid: container.resourceId,
    id: '0',
    _etag: FIXED_ETAG,
    minInclusive: '',
    maxExclusive: 'FF',
    ridPrefix: 0,
    throughputFraction: 1,
    status: 'online',
    parents: [],
    _ts: 0,
    _lsn: 1,
  };
  return { _rid: container.resourceId, PartitionKeyRanges: [range], _count: 1 };
}
