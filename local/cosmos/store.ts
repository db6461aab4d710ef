import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { SQLInputValue, SQLOutputValue, StatementSync } from 'node:sqlite';
import { DatabaseSync } from 'node:sqlite';
import type { Clock } from '../../shared/platform/clock.ts';
import type { ContainerDefinition, ContainersFile } from './definition.ts';
import { CosmosError } from './errors.ts';
import { IndexPolicy } from './index-policy.ts';
import { pathSteps } from './partition-key.ts';
import { registerFunctions } from './sql-functions.ts';

/** One stored version of a document; `body` is the text that a read answers, system properties included. */
export interface StoredRow {
  rid: number;
  pk: string;
  id: string;
  /** Log sequence number of the write: the order of the change feed and the heart of the ETag. */
  lsn: number;
  ts: number;
  expires_ms: number | null;
  terms: number;
  bytes: number;
  body: string;
}

export interface Container {
  definition: ContainerDefinition;
  keyPaths: string[][];
  policy: IndexPolicy;
  /** Quoted name of its table. */
  table: string;
  hasTtl: boolean;
  resourceId: string;
  ridNumber: number;
}

const LOCK_WAIT_MS = 5000;
const STATEMENT_CACHE_MAX = 1000;
const SQLITE_CONSTRAINT_UNIQUE = 2067;

/** SQLite behind the stand-in: a table per container, one log sequence for all. */
export class Store {
  readonly database: string;
  readonly databaseRid: string;
  readonly containers = new Map<string, Container>();
  private readonly db: DatabaseSync;
  private readonly clock: Clock;
  private readonly statements = new Map<string, StatementSync>();
  private lsn: number;

  constructor(dataDir: string, definition: ContainersFile, clock: Clock) {
    this.clock = clock;
    this.database = definition.database;
    const databaseRid = hash4(definition.database);
    this.databaseRid = base64Rid(databaseRid);
    if (dataDir !== ':memory:') mkdirSync(dataDir, { recursive: true });
    this.db = new DatabaseSync(dataDir === ':memory:' ? dataDir : join(dataDir, 'cosmos.sqlite'), {
      timeout: LOCK_WAIT_MS,
    });
    // The sequence number lives in this process, so a second one on the same file must be kept out.
    // WAL with synchronous=NORMAL keeps every committed write through a kill of the process; only a crash of the machine may take the last ones.
    this.db.exec(
      'PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY;',
    );
    this.db.exec('CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID');
    registerFunctions(this.db);
    for (const container of definition.containers) this.addContainer(container, databaseRid);
    this.lsn = Number(this.get("SELECT value FROM meta WHERE name = 'lsn'")?.['value'] ?? 0);
  }

  private addContainer(definition: ContainerDefinition, databaseRid: Buffer): void {
    const table = `"docs:${definition.id.replaceAll('"', '""')}"`;
    const uniqueKeys = definition.uniqueKeyPolicy?.uniqueKeys ?? [];
    const identity = JSON.stringify({ paths: definition.partitionKey.paths, unique: uniqueKeys });
    const stored = this.get('SELECT value FROM meta WHERE name = ?', `container:${definition.id}`)?.['value'];
    if (stored !== undefined && stored !== identity) {
      throw new Error(
        `Container ${definition.id} was stored with ${String(stored)}; its partition key and unique keys cannot change. Use another data directory.`,
      );
    }
    this.db.exec(`CREATE TABLE IF NOT EXISTS ${table} (rid INTEGER PRIMARY KEY, pk TEXT NOT NULL, id TEXT NOT NULL, lsn INTEGER NOT NULL,
      ts INTEGER NOT NULL, expires_ms INTEGER, terms INTEGER NOT NULL, bytes INTEGER NOT NULL, body TEXT NOT NULL)`);
    const index = (kind: string, name: string, columns: string, where = ''): void =>
      this.db.exec(
        `CREATE ${kind} IF NOT EXISTS "${name}:${definition.id.replaceAll('"', '""')}" ON ${table} (${columns}) ${where}`,
      );
    index('UNIQUE INDEX', 'key', 'pk, id');
    index('INDEX', 'feed', 'lsn');
    index('INDEX', 'ttl', 'expires_ms', 'WHERE expires_ms IS NOT NULL');
    uniqueKeys.forEach((key, at) => {
      // A missing value counts as null: one document without it is allowed in a logical partition.
      const columns = key.paths.map(
        (path) =>
          `coalesce(body -> '$${pathSteps(path)
            .map((step) => `."${step.replaceAll("'", "''")}"`)
            .join('')}', 'null')`,
      );
      index('UNIQUE INDEX', `unique${at}`, `pk, ${columns.join(', ')}`);
    });
    this.run('INSERT OR IGNORE INTO meta VALUES (?, ?)', `container:${definition.id}`, identity);
    const containerRid = Buffer.concat([databaseRid, hash4(definition.id)]);
    containerRid.writeUInt8(containerRid.readUInt8(4) | 0x80, 4);
    this.containers.set(definition.id, {
      definition,
      keyPaths: definition.partitionKey.paths.map(pathSteps),
      policy: new IndexPolicy(definition.indexingPolicy),
      table,
      hasTtl: definition.defaultTtl !== undefined,
      resourceId: base64Rid(containerRid),
      ridNumber: containerRid.readUInt32BE(4),
    });
  }

  /** Milliseconds by the injected clock. */
  now(): number {
    return this.clock.now();
  }

  get lastLsn(): number {
    return this.lsn;
  }

  nextLsn(): number {
    this.lsn += 1;
    return this.lsn;
  }

  /** Runs `work` as one SQLite transaction; an error undoes all of it, the log sequence included. */
  transaction<T>(work: () => T): T {
    const before = this.lsn;
    this.run('BEGIN IMMEDIATE');
    try {
      const result = work();
      if (this.lsn !== before) this.run("INSERT OR REPLACE INTO meta VALUES ('lsn', ?)", String(this.lsn));
      this.run('COMMIT');
      return result;
    } catch (error) {
      this.run('ROLLBACK');
      this.lsn = before;
      throw error;
    }
  }

  /** The row as stored, or undefined when it is absent or has expired. */
  find(container: Container, pk: string, id: string): StoredRow | undefined {
    const row = this.get(`SELECT * FROM ${container.table} WHERE pk = ? AND id = ?`, pk, id);
    if (row === undefined) return undefined;
    // The columns are those of the table made above, with its types.
    const stored = row as unknown as StoredRow;
    return stored.expires_ms !== null && stored.expires_ms <= this.now() ? undefined : stored;
  }

  /** Inserts or overwrites by rid. Throws 409 when an id or a unique key is taken in the logical partition. */
  put(container: Container, row: StoredRow): void {
    // An expired item that the purge has not reached must not stand in the way of a new one.
    if (container.hasTtl)
      this.run(`DELETE FROM ${container.table} WHERE expires_ms <= ? AND pk = ?`, this.now(), row.pk);
    try {
      this.run(
        `INSERT INTO ${container.table} (rid, pk, id, lsn, ts, expires_ms, terms, bytes, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (rid) DO UPDATE SET lsn = excluded.lsn, ts = excluded.ts, expires_ms = excluded.expires_ms,
         terms = excluded.terms, bytes = excluded.bytes, body = excluded.body`,
        row.rid,
        row.pk,
        row.id,
        row.lsn,
        row.ts,
        row.expires_ms,
        row.terms,
        row.bytes,
        row.body,
      );
    } catch (error) {
      if (error instanceof Error && 'errcode' in error && error.errcode === SQLITE_CONSTRAINT_UNIQUE) {
        const isId = error.message.includes('.id');
        throw new CosmosError(
          409,
          isId
            ? 'Entity with the specified id already exists in the system.'
            : 'Unique index constraint violation: an item of this logical partition has the same unique key.',
        );
      }
      throw error;
    }
  }

  remove(container: Container, rid: number): void {
    this.run(`DELETE FROM ${container.table} WHERE rid = ?`, rid);
  }

  purgeExpired(): void {
    for (const container of this.containers.values()) {
      if (container.hasTtl) this.run(`DELETE FROM ${container.table} WHERE expires_ms <= ?`, this.now());
    }
  }

  prepare(sql: string): StatementSync {
    let statement = this.statements.get(sql);
    if (statement === undefined) {
      if (this.statements.size >= STATEMENT_CACHE_MAX) this.statements.clear();
      statement = this.db.prepare(sql);
      // A query's own @now is another parameter than the $now that is added to it.
      statement.setAllowBareNamedParameters(false);
      this.statements.set(sql, statement);
    }
    return statement;
  }

  get(sql: string, ...values: SQLInputValue[]): Record<string, SQLOutputValue> | undefined {
    return this.prepare(sql).get(...values);
  }

  private run(sql: string, ...values: SQLInputValue[]): void {
    this.prepare(sql).run(...values);
  }

  close(): void {
    this.statements.clear();
    this.db.close();
  }
}

/** `_rid` of a document: the container's bytes and the number of its first write. */
export function documentRid(container: Container, rid: number): string {
  const bytes = Buffer.alloc(16);
  Buffer.from(container.resourceId.replaceAll('-', '/'), 'base64').copy(bytes);
  bytes.writeBigUInt64BE(BigInt(rid), 8);
  return base64Rid(bytes);
}

export function etagOf(row: Pick<StoredRow, 'lsn' | 'ts'>): string {
  const lsn = row.lsn.toString(16).padStart(12, '0');
  return `"${row.ts.toString(16).padStart(8, '0')}-0000-0000-0000-${lsn}"`;
}

function hash4(text: string): Buffer {
  return createHash('sha256').update(text).digest().subarray(0, 4);
}

function base64Rid(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('/', '-');
}
