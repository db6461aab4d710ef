/**
 * The rival of the contract's benchmark: the same three calls as a small Fastify service on node:sqlite, written as one
 * would for production. Schemas in and out (so bodies are checked by compiled code and answers are written by compiled
 * code), prepared statements, WAL, one transaction per write, one log line per request. It checks tokens, cleans rich text and
 * limits who sees what as Lyceum does, and reads the caller's account at every call.
 *
 * `node bench/rivals/fastify.ts SEED_FILE DATABASE_FILE LOG_FILE`
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import Fastify, { type FastifyReply, type FastifyRequest } from 'fastify';
import { z } from 'zod';
import { systemClock } from '../../shared/platform/clock.ts';
import { AppError } from '../../shared/platform/errors.ts';
import { createIds } from '../../shared/platform/ids.ts';
import { sanitiseRichText } from '../../shared/platform/rich-text.ts';
import { tokens } from '../product.ts';

const [seedFile = '', databaseFile = '', logFile = ''] = process.argv.slice(2);
const ids = createIds(systemClock);

const Component = z.object({
  comp_id: z.string(),
  comp_name: z.string(),
  general_instructions: z.string().nullable(),
  created_at: z.string(),
  updated_at: z.string(),
  owner_user_ids: z.array(z.string()),
  created_by_user_id: z.string(),
});
const Entry = z.object({
  entry_id: z.string(),
  flex_age_comp_id: z.string(),
  entry_title: z.string(),
  instructions: z.string().nullable(),
  rubric_definition: z.record(z.string(), z.unknown()),
  rubric_visible: z.boolean(),
  created_at: z.string(),
  updated_at: z.string(),
});
const Seed = z.object({
  accounts: z.array(z.object({ user_id: z.string(), username: z.string(), role: z.string() })),
  components: z.array(Component),
  entries: z.array(Entry),
});
type Entry = z.output<typeof Entry>;

const database = new DatabaseSync(databaseFile);
database.exec(`
  PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;
  PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY;
  CREATE TABLE accounts (user_id TEXT PRIMARY KEY, username TEXT NOT NULL, role TEXT NOT NULL, is_active INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE components (comp_id TEXT PRIMARY KEY, comp_name TEXT NOT NULL, general_instructions TEXT, created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL, created_by_user_id TEXT NOT NULL, owner_user_ids TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE owners (user_id TEXT NOT NULL, comp_id TEXT NOT NULL REFERENCES components, PRIMARY KEY (user_id, comp_id)) WITHOUT ROWID;
  CREATE TABLE entries (entry_id TEXT PRIMARY KEY, comp_id TEXT NOT NULL REFERENCES components, entry_title TEXT NOT NULL, instructions TEXT,
    rubric_definition TEXT NOT NULL, rubric_hash TEXT NOT NULL, rubric_visible INTEGER NOT NULL, created_by_user_id TEXT NOT NULL,
    created_at TEXT NOT NULL, updated_at TEXT NOT NULL);
  CREATE INDEX entries_by_component ON entries (comp_id, entry_id);
  CREATE TABLE rubrics (comp_id TEXT NOT NULL, rubric_hash TEXT NOT NULL, rubric_definition TEXT NOT NULL,
    PRIMARY KEY (comp_id, rubric_hash)) WITHOUT ROWID;
`);

const statements = {
  findAccount: database.prepare('SELECT user_id, username, role, is_active FROM accounts WHERE user_id = ?'),
  listComponents: database.prepare(
    'SELECT c.* FROM owners o JOIN components c USING (comp_id) WHERE o.user_id = ? ORDER BY o.comp_id LIMIT ? OFFSET ?',
  ),
  isOwner: database.prepare('SELECT 1 FROM owners WHERE user_id = ? AND comp_id = ?'),
  findEntry: database.prepare(
    'SELECT e.* FROM entries e JOIN owners o ON o.comp_id = e.comp_id AND o.user_id = ? WHERE e.entry_id = ?',
  ),
  createEntry: database.prepare('INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)'),
  keepRubric: database.prepare('INSERT OR IGNORE INTO rubrics VALUES (?, ?, ?)'),
};

function transaction(work: () => void): void {
  database.exec('BEGIN IMMEDIATE');
  try {
    work();
    database.exec('COMMIT');
  } catch (error) {
    database.exec('ROLLBACK');
    throw error;
  }
}

function storeEntry(entry: Entry, authorId: string): void {
  const rubric = JSON.stringify(entry.rubric_definition);
  const hash = createHash('sha256').update(rubric).digest('hex');
  const { entry_id, flex_age_comp_id: compId, entry_title, instructions, rubric_visible } = entry;
  const times = [entry.created_at, entry.updated_at] as const;
  transaction(() => {
    statements.keepRubric.run(compId, hash, rubric);
    const isVisible = rubric_visible ? 1 : 0;
    statements.createEntry.run(
      ...[entry_id, compId, entry_title, instructions, rubric, hash, isVisible, authorId, ...times],
    );
  });
}

function fill(): void {
  const seed = Seed.parse(JSON.parse(readFileSync(seedFile, 'utf8')));
  const account = database.prepare('INSERT INTO accounts VALUES (?, ?, ?, 1)');
  const component = database.prepare('INSERT INTO components VALUES (?, ?, ?, ?, ?, ?, ?)');
  const owner = database.prepare('INSERT INTO owners VALUES (?, ?)');
  transaction(() => {
    for (const one of seed.accounts) account.run(one.user_id, one.username, one.role);
    for (const one of seed.components) {
      const { comp_id, comp_name, general_instructions, created_at, updated_at, created_by_user_id, owner_user_ids } =
        one;
      const owners = JSON.stringify(owner_user_ids);
      component.run(comp_id, comp_name, general_instructions, created_at, updated_at, created_by_user_id, owners);
      for (const id of owner_user_ids) owner.run(id, comp_id);
    }
  });
  for (const entry of seed.entries) storeEntry(entry, seed.accounts[0]?.user_id ?? '');
}
fill();

const text = { type: 'string' } as const;
const nullableText = { type: ['string', 'null'] } as const;
const anyObject = { type: 'object', additionalProperties: true } as const;
const id = { type: 'string', format: 'uuid' } as const;
const componentSchema = {
  type: 'object',
  properties: {
    comp_id: text,
    comp_name: text,
    general_instructions: nullableText,
    created_at: text,
    updated_at: text,
    owner_user_ids: { type: 'array', items: text },
    created_by_user_id: text,
  },
} as const;
const entrySchema = {
  type: 'object',
  properties: {
    entry_id: text,
    flex_age_comp_id: text,
    entry_title: text,
    instructions: nullableText,
    rubric_definition: anyObject,
    rubric_visible: { type: 'boolean' },
    created_at: text,
    updated_at: text,
  },
} as const;
const entryCreateSchema = {
  type: 'object',
  required: ['flex_age_comp_id', 'entry_title'],
  properties: {
    flex_age_comp_id: id,
    entry_title: { type: 'string', minLength: 1, maxLength: 255 },
    instructions: { type: ['string', 'null'], maxLength: 100_000 },
    rubric_definition: anyObject,
    rubric_visible: { type: 'boolean' },
  },
} as const;

const server = Fastify({
  logger: { level: 'info', file: logFile },
  disableRequestLogging: true,
  keepAliveTimeout: 120_000,
  bodyLimit: 1_048_576,
  routerOptions: { ignoreTrailingSlash: true },
});

interface Caller {
  user_id: string;
  role: string;
}

server.decorateRequest('caller', null);

const callerOf = (request: FastifyRequest): Caller => request.getDecorator<Caller>('caller');

async function authenticate(request: FastifyRequest, reply: FastifyReply) {
  const token = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
  const userId = token === undefined ? undefined : (await tokens.verify(token).catch(() => undefined))?.user_id;
  const account = userId === undefined ? undefined : statements.findAccount.get(userId);
  if (account?.['is_active'] !== 1) {
    return reply.code(401).send({ detail: 'Could not validate credentials' });
  }
  if (account['role'] === 'student')
    return reply.code(403).send({ detail: 'Operation requires configurator or admin role' });
  request.setDecorator('caller', { user_id: String(account['user_id']), role: String(account['role']) });
}

server.addHook('onRequest', authenticate);
server.addHook('onResponse', async (request, reply) => {
  const { url } = request.routeOptions;
  const fields = { operation: url, request_id: request.id, user_id: callerOf(request)?.user_id };
  request.log.info({ ...fields, status: reply.statusCode, ms: reply.elapsedTime }, 'request');
});
server.setErrorHandler((error, request, reply) => {
  if (error instanceof AppError) return reply.code(error.status).send({ detail: error.message });
  const isInput = typeof error === 'object' && error !== null && 'validation' in error;
  if (!isInput) request.log.error(error);
  return reply.code(isInput ? 422 : 500).send({ detail: isInput ? String(error) : 'Internal error' });
});

interface ListQuery {
  limit: number;
  skip: number;
}

server.get<{ Querystring: ListQuery }>(
  '/api/configure/flexagecomps',
  {
    schema: {
      querystring: {
        type: 'object',
        properties: {
          limit: { type: 'integer', minimum: 1, maximum: 1000, default: 100 },
          skip: { type: 'integer', minimum: 0, maximum: 100_000, default: 0 },
        },
      },
      response: { 200: { type: 'array', items: componentSchema } },
    },
  },
  async (request) => {
    const { limit, skip } = request.query;
    const rows = statements.listComponents.all(callerOf(request).user_id, limit, skip);
    return rows.map((row) => ({ ...row, owner_user_ids: JSON.parse(String(row['owner_user_ids'])) }));
  },
);

server.get<{ Params: { entry_id: string } }>(
  '/api/configure/entries/:entry_id',
  {
    schema: {
      params: { type: 'object', properties: { entry_id: id } },
      response: { 200: entrySchema },
    },
  },
  async (request, reply) => {
    const row = statements.findEntry.get(callerOf(request).user_id, request.params.entry_id);
    if (!row) return reply.code(404).send({ detail: 'Entry not found' });
    return {
      ...row,
      flex_age_comp_id: row['comp_id'],
      rubric_definition: JSON.parse(String(row['rubric_definition'])),
      rubric_visible: row['rubric_visible'] === 1,
    };
  },
);

type EntryCreate = Pick<Entry, 'flex_age_comp_id' | 'entry_title'> & Partial<Entry>;

server.post<{ Body: EntryCreate }>(
  '/api/configure/entries',
  { schema: { body: entryCreateSchema, response: { 201: entrySchema } } },
  async (request, reply) => {
    const { user_id } = callerOf(request);
    const { flex_age_comp_id, entry_title, instructions, rubric_definition, rubric_visible } = request.body;
    if (!statements.isOwner.get(user_id, flex_age_comp_id)) {
      return reply.code(404).send({ detail: `FlexAGEComp with ID ${flex_age_comp_id} not found` });
    }
    const now = new Date().toISOString();
    const entry: Entry = {
      entry_id: ids.next(),
      flex_age_comp_id,
      entry_title: entry_title.trim(),
      instructions: instructions == null ? null : sanitiseRichText(instructions),
      rubric_definition: rubric_definition ?? {},
      rubric_visible: rubric_visible ?? false,
      created_at: now,
      updated_at: now,
    };
    storeEntry(entry, user_id);
    return reply.code(201).send(entry);
  },
);

const url = await server.listen({ port: 0, host: '127.0.0.1' });
console.log(`ready ${url}`);
process.on('SIGTERM', () => void server.close().then(() => process.exit(0)));
