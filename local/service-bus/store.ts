import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type SQLInputValue, type SQLOutputValue, type StatementSync } from 'node:sqlite';

/** `ready` can be received; `locked` is with a receiver until `due_at`; `scheduled` becomes ready at `due_at`. */
export type MessageState = 'ready' | 'locked' | 'deferred' | 'scheduled';

export interface StoredMessage {
  sequence_number: number;
  /** The queue's path in lower case, or that of its dead-letter sub-queue. */
  entity: string;
  state: MessageState;
  /** 1 when the message goes back to `deferred` instead of `ready` after a lock. */
  is_deferred: number;
  delivery_count: number;
  enqueued_at: number;
  time_to_live_ms: number | null;
  expires_at: number | null;
  due_at: number | null;
  lock_token: string | null;
  content: Uint8Array;
}

const schema = `
CREATE TABLE IF NOT EXISTS messages (
  sequence_number INTEGER PRIMARY KEY,
  entity TEXT NOT NULL,
  state TEXT NOT NULL,
  is_deferred INTEGER NOT NULL,
  delivery_count INTEGER NOT NULL,
  enqueued_at INTEGER NOT NULL,
  time_to_live_ms INTEGER,
  expires_at INTEGER,
  due_at INTEGER,
  lock_token TEXT,
  content BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS messages_by_entity ON messages (entity, state, sequence_number);
CREATE INDEX IF NOT EXISTS messages_by_due ON messages (state, due_at);
CREATE INDEX IF NOT EXISTS messages_by_expiry ON messages (state, expires_at);
CREATE UNIQUE INDEX IF NOT EXISTS messages_by_lock ON messages (lock_token) WHERE lock_token IS NOT NULL;
CREATE TABLE IF NOT EXISTS message_ids (
  entity TEXT NOT NULL,
  message_id TEXT NOT NULL,
  forgotten_at INTEGER NOT NULL,
  PRIMARY KEY (entity, message_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS message_ids_by_time ON message_ids (forgotten_at);
CREATE TABLE IF NOT EXISTS sequence (last INTEGER NOT NULL) STRICT;
INSERT INTO sequence SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM sequence);
`;

const insertion = `
INSERT INTO messages (sequence_number, entity, state, is_deferred, delivery_count, enqueued_at, time_to_live_ms, expires_at,
  due_at, lock_token, content)
VALUES (:sequence_number, :entity, :state, :is_deferred, :delivery_count, :enqueued_at, :time_to_live_ms, :expires_at,
  :due_at, :lock_token, :content)`;

function asMessage(row: Record<string, SQLOutputValue>): StoredMessage {
  // The table is STRICT and its columns are exactly these, so the row has the interface's shape.
  return row as unknown as StoredMessage;
}

/**
 * The messages of every queue in one SQLite file. Changes gather in one transaction until `commit`; whoever answers a
 * client does so after it. WAL without a sync per commit survives the death of the process, not a power cut.
 */
export class Store {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  #isOpen = false;

  constructor(dataDir: string) {
    if (dataDir !== ':memory:') mkdirSync(dataDir, { recursive: true });
    this.#db = new DatabaseSync(dataDir === ':memory:' ? dataDir : join(dataDir, 'service-bus.sqlite'));
    this.#db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 2000;');
    this.#db.exec(schema);
  }

  #prepare(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#db.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  #run(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.#prepare(sql).run(...values).changes);
  }

  #one(sql: string, ...values: SQLInputValue[]): StoredMessage | undefined {
    const row = this.#prepare(sql).get(...values);
    return row === undefined ? undefined : asMessage(row);
  }

  #all(sql: string, ...values: SQLInputValue[]): StoredMessage[] {
    return this.#prepare(sql)
      .all(...values)
      .map(asMessage);
  }

  /** Runs one operation inside the open transaction; when it throws, its own changes are undone and no others. */
  atomically<T>(operation: () => T): T {
    if (!this.#isOpen) {
      this.#db.exec('BEGIN IMMEDIATE');
      this.#isOpen = true;
    }
    this.#run('SAVEPOINT operation');
    try {
      const result = operation();
      this.#run('RELEASE operation');
      return result;
    } catch (error) {
      this.#db.exec('ROLLBACK TO operation; RELEASE operation');
      throw error;
    }
  }

  /** Makes durable what was done since the last commit. */
  commit(): void {
    if (!this.#isOpen) return;
    this.#db.exec('COMMIT');
    this.#isOpen = false;
  }

  rollback(): void {
    this.#isOpen = false;
    if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
  }

  close(): void {
    this.commit();
    this.#statements.clear();
    this.#db.close();
  }

  nextSequenceNumber(): number {
    const row = this.#prepare('UPDATE sequence SET last = last + 1 RETURNING last').get();
    return Number(row?.['last']);
  }

  insert(message: StoredMessage): void {
    this.#prepare(insertion).run({ ...message });
  }

  /** Writes every field of the message that `sequenceNumber` names; its own number may be a new one. */
  replace(sequenceNumber: number, message: StoredMessage): void {
    this.remove(sequenceNumber);
    this.insert(message);
  }

  /** Locks are taken and given back far more often than anything else changes, so they leave the content alone. */
  setLock(sequenceNumber: number, state: MessageState, token: string | null, dueAt: number | null): void {
    this.#run(
      'UPDATE messages SET state = ?, lock_token = ?, due_at = ? WHERE sequence_number = ?',
      state,
      token,
      dueAt,
      sequenceNumber,
    );
  }

  remove(sequenceNumber: number): void {
    this.#run('DELETE FROM messages WHERE sequence_number = ?', sequenceNumber);
  }

  firstReady(entity: string): StoredMessage | undefined {
    return this.#one(
      `SELECT * FROM messages WHERE entity = ? AND state = 'ready' ORDER BY sequence_number LIMIT 1`,
      entity,
    );
  }

  find(entity: string, sequenceNumber: number): StoredMessage | undefined {
    return this.#one('SELECT * FROM messages WHERE sequence_number = ? AND entity = ?', sequenceNumber, entity);
  }

  findLocked(entity: string, token: string): StoredMessage | undefined {
    return this.#one('SELECT * FROM messages WHERE lock_token = ? AND entity = ?', token, entity);
  }

  listFrom(entity: string, sequenceNumber: number, messagesMax: number): StoredMessage[] {
    return this.#all(
      'SELECT * FROM messages WHERE sequence_number >= ? AND entity = ? ORDER BY sequence_number LIMIT ?',
      sequenceNumber,
      entity,
      messagesMax,
    );
  }

  listDue(state: 'locked' | 'scheduled', nowMs: number): StoredMessage[] {
    return this.#all(
      'SELECT * FROM messages WHERE state = ? AND due_at <= ? ORDER BY due_at, sequence_number',
      state,
      nowMs,
    );
  }

  listExpired(state: 'ready' | 'deferred', nowMs: number): StoredMessage[] {
    return this.#all(
      'SELECT * FROM messages WHERE state = ? AND expires_at <= ? ORDER BY sequence_number',
      state,
      nowMs,
    );
  }

  /** When the clock next changes something: a lock ends, a scheduled message is due or one expires. */
  nextDueAt(): number | undefined {
    const times = ['locked', 'scheduled']
      .map((state) => this.#prepare('SELECT MIN(due_at) AS at FROM messages WHERE state = ?').get(state))
      .concat(
        ['ready', 'deferred'].map((state) =>
          this.#prepare('SELECT MIN(expires_at) AS at FROM messages WHERE state = ?').get(state),
        ),
      )
      .map((row) => row?.['at'])
      .filter((at) => typeof at === 'number');
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /** False when the id was already seen in this queue and is not forgotten yet; otherwise it is remembered from now on. */
  rememberId(entity: string, messageId: string, nowMs: number, windowMs: number): boolean {
    this.#run('DELETE FROM message_ids WHERE forgotten_at <= ?', nowMs);
    const added = this.#run(
      'INSERT INTO message_ids (entity, message_id, forgotten_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
      entity,
      messageId,
      nowMs + windowMs,
    );
    return added === 1;
  }
}
