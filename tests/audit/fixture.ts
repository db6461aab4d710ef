import { randomUUID } from 'node:crypto';
import { CosmosClient } from '@azure/cosmos';
import containers from '../../infra/containers.json' with { type: 'json' };
import { startCosmos } from '../../local/cosmos/server.ts';
import type { HeadDocument, TrailDocument } from '../../shared/audit/documents.ts';
import { createAuditRecorder } from '../../shared/audit/record.ts';
import type { AuditItem, AuditOutboxDocument, AuditQuery } from '../../shared/audit/schemas.ts';
import { loadConfig } from '../../shared/platform/config.ts';
import type { Principal } from '../../shared/platform/define-endpoint.ts';
import { createIds } from '../../shared/platform/ids.ts';
import { createRuntime } from '../../shared/services.ts';

export const reader: Principal = {
  user_id: randomUUID(),
  username: 'reader',
  email: null,
  full_name: null,
  role: 'admin',
  permissions: new Set(['audit:read']),
  tier: 'free',
  via: { kind: 'session', session_id: randomUUID() },
  caller: { request_id: 'r', address: '192.0.2.1', user_agent: 'test', origin: null, place_id: null },
};

/** The audit trail on the database stand-in, without the change feed: the test hands over what it would bring. */
export async function startTrail(settings: Record<string, string> = {}) {
  const cosmos = await startCosmos({ port: 0, dataDir: ':memory:', definition: containers });
  const config = loadConfig({
    LYCEUM_ENVIRONMENT: 'local',
    COSMOS_DATABASE: containers.database,
    CosmosConnection: `AccountEndpoint=${cosmos.endpoint};AccountKey=${cosmos.key};`,
    ServiceBusConnection:
      'Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=k;SharedAccessKey=k;UseDevelopmentEmulator=true',
    AzureWebJobsStorage: 'UseDevelopmentStorage=true',
    JWT_SECRET: 'only for tests: thirty-two bytes or more of text',
    DATA_ENCRYPTION_KEY: 'also only for tests: thirty-two bytes or more',
    ...settings,
  });
  const clock = { atMs: Date.parse('2026-03-10T12:00:00Z'), now: () => clock.atMs };
  const logged: Record<string, unknown>[] = [];
  /** One more instance of the application. */
  const start = (own: { now(): number } = clock) =>
    createRuntime(config, { clock: own, writeLog: (line) => logged.push(JSON.parse(line)) });
  const instances = [start()];
  const client = new CosmosClient({ endpoint: cosmos.endpoint, key: cosmos.key });
  const container = (id: string) => client.database(containers.database).container(id);
  const recorder = createAuditRecorder({ clock, ids: createIds(clock) });
  const services = () => {
    const [first] = instances;
    if (first === undefined) throw new Error('There is no instance.');
    return first.services;
  };

  /** Records of events as services write them, in the partition of an account, without storing them. */
  function records(count: number, pk = 'someone'): AuditOutboxDocument[] {
    return Array.from({ length: count }, (_, n) => {
      const by = { ...reader, caller: { ...reader.caller, request_id: `r-${n}` } };
      const made = recorder.operation(pk, {
        by,
        action: 'account.changed',
        target: { type: 'account', id: pk },
        detail: { n, z: [{ b: 1, a: 'ü' }] },
      });
      // The recorder makes exactly such a document.
      if (made.op !== 'create') throw new Error('A record is created.');
      return made.doc as AuditOutboxDocument;
    });
  }

  async function list(query: Partial<AuditQuery> = {}): Promise<AuditItem[]> {
    const found: AuditItem[] = [];
    let cursor: string | undefined;
    do {
      const page = await services().auditTrail.list({
        limit: 1000,
        from: '2020-01-01',
        ...query,
        ...(cursor && { cursor }),
      });
      found.push(...page.items);
      cursor = page.cursor;
    } while (cursor !== undefined);
    return found;
  }

  return {
    clock,
    logged,
    container,
    records,
    list,
    /** Another instance with its own clock, or the common one. */
    instance(own?: { now(): number }) {
      const made = start(own);
      instances.push(made);
      return made.services;
    },
    async store(docs: readonly AuditOutboxDocument[]) {
      for (const doc of docs) await container('identity').items.create(doc);
    },
    async waiting(): Promise<number> {
      const { resources } = await container('identity')
        .items.query(`SELECT VALUE c.id FROM c WHERE c.type = 'audit_outbox'`)
        .fetchAll();
      return resources.length;
    },
    append: (docs: readonly unknown[]) => services().auditAppend.follow(docs),
    verify: (range: { from?: string; to?: string } = {}) => services().auditVerify.verify(reader, range),
    exportLines: (query: { from?: string; to?: string; lines?: number; cursor?: string } = {}) =>
      services().auditTrail.exportLines(reader, { lines: 5000, ...query }),
    async head(day: string) {
      return (await container('audit').item('head', day).read<HeadDocument>()).resource;
    },
    async event(day: string, seq: number): Promise<TrailDocument> {
      const { resources } = await container('audit')
        .items.query<TrailDocument>(
          {
            query: 'SELECT * FROM c WHERE c.seq = @seq AND c.type = "audit_event"',
            parameters: [{ name: '@seq', value: seq }],
          },
          { partitionKey: day },
        )
        .fetchAll();
      const [found] = resources;
      if (found === undefined) throw new Error(`There is no event ${seq} in ${day}.`);
      return found;
    },
    async close() {
      client.dispose();
      await Promise.all(instances.map((instance) => instance.close()));
      await cosmos.close();
    },
  };
}

export type TrailLab = Awaited<ReturnType<typeof startTrail>>;
