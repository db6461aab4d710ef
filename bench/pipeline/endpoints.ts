/** Two endpoints that do no input or output: what is left is the platform's own work. */
import { z } from 'zod';
import getHealth from '../../functions/platform/get-health.ts';
import { newAccount } from '../../shared/identity/account-documents.ts';
import { createAccountStates } from '../../shared/identity/account-states.ts';
import { createAuthenticate } from '../../shared/identity/authentication.ts';
import { createRoles } from '../../shared/identity/roles.ts';
import { systemClock } from '../../shared/platform/clock.ts';
import { loadConfig } from '../../shared/platform/config.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { createRateLimiter } from '../../shared/platform/rate-limit.ts';
import { Id, Timestamp } from '../../shared/platform/schemas.ts';
import { createRuntime } from '../../shared/services.ts';
import { jwtSecret, tokens } from '../product.ts';

const Note = z
  .object({
    note_id: Id,
    title: z.string().max(255),
    text: z.string().max(10_000),
    tags: z.array(z.string().max(50)).max(20),
    is_public: z.boolean(),
    author_user_id: Id,
    created_at: Timestamp,
    updated_at: Timestamp,
  })
  .meta({ id: 'BenchNote', description: 'What both endpoints answer.' });

const NoteCreate = Note.pick({ title: true, text: true, tags: true, is_public: true }).meta({
  id: 'BenchNoteCreate',
  description: 'What the second endpoint is sent.',
});

const author = newAccount({
  user_id: '01890a5d-ac96-774b-bcce-b302099a8057',
  username: 'bench',
  email: null,
  full_name: 'Bench',
  role: 'configurator',
  password_hash: null,
  created_at: '2025-01-02T03:04:05.678Z',
  updated_at: '2025-01-02T03:04:05.678Z',
});

/** A body of some 500 bytes. */
export const newNote = {
  title: 'What plants live on',
  text: 'Plants take light, water and carbon dioxide as inputs. Chlorophyll absorbs the light. '.repeat(4).trim(),
  tags: ['biology', 'plants', 'light'],
  is_public: true,
};

/** What both endpoints answer, and the bare server beside them too. */
export const answer = {
  note_id: '01890a5d-ac96-774b-bcce-b302099a8058',
  ...newNote,
  author_user_id: author.user_id,
  created_at: '2025-01-02T03:04:05.678Z',
  updated_at: '2025-01-02T03:04:05.678Z',
};

const shared = { tag: 'Bench', auth: { permission: 'component:read', reach: 'all' }, errors: ['not_found'] } as const;

const getNote = defineEndpoint({
  ...shared,
  name: 'get-note',
  method: 'GET',
  route: 'api/v1/notes/{note_id}',
  summary: 'Parameters and query in, JSON out.',
  rateLimit: 'read',
  params: z.object({ note_id: Id }),
  query: z.object({
    limit: z.coerce.number().int().min(1).max(1000).default(100),
    order: z.enum(['asc', 'desc']).default('asc'),
  }),
  success: { status: 200, schema: Note },
  // A stored document has fields that the schema does not know and that never leave.
  handler: ({ params }) => ({ ...answer, note_id: params.note_id, type: 'note', schema_version: 1 }),
});

const createNote = defineEndpoint({
  ...shared,
  name: 'create-note',
  method: 'POST',
  route: 'api/v1/notes',
  summary: 'JSON in, JSON out.',
  rateLimit: 'write',
  body: NoteCreate,
  success: { status: 201, schema: Note },
  idempotent: true,
  handler: ({ body }) => ({ ...answer, ...body, type: 'note', schema_version: 1 }),
});

/** The stack waits for the health of what it runs. */
export const functions = [getNote, createNote, getHealth];

export const paths = {
  get: `/api/v1/notes/${answer.note_id}?limit=20&order=desc`,
  create: '/api/v1/notes',
};

/** An account in memory stands for the one that is remembered for a few seconds; the rest is the real runtime. */
export function createBenchRuntime() {
  const runtime = createRuntime(
    loadConfig({
      LYCEUM_ENVIRONMENT: 'local',
      JWT_SECRET: jwtSecret,
      DATA_ENCRYPTION_KEY: jwtSecret,
      CosmosConnection: 'AccountEndpoint=http://127.0.0.1:1/;AccountKey=a2V5;',
      ServiceBusConnection:
        'Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=a;SharedAccessKey=a;UseDevelopmentEmulator=true;',
      AzureWebJobsStorage: 'UseDevelopmentStorage=true',
      TRUSTED_PROXY_HOPS: '1',
      RATE_LIMIT_SCALE: '1000000',
    }),
    { writeLog: () => undefined },
  );
  const states = createAccountStates({
    accounts: { find: async (userId) => (userId === author.user_id ? author : undefined) },
    roles: createRoles({
      documents: { find: async () => undefined, list: async () => [] },
      clock: systemClock,
      cacheMs: 10_000,
    }),
    clock: systemClock,
    cacheMs: 10_000,
  });
  const keys = {
    isKey: () => false,
    authenticate: () => Promise.reject(new Error('Nobody here has an API key.')),
  };
  // A store that answers at once: what is measured is the call that the instance decides alone.
  const rateLimiter = createRateLimiter({
    clock: systemClock,
    store: {
      findLevel: async () => undefined,
      writeLevel: async () => '1',
      findInstances: async () => undefined,
      writeInstances: async () => '1',
    },
    logger: runtime.logger,
    instance: 'bench',
    everybody: runtime.ratePlan.everybody,
    bucketsMax: 1_000,
    random: Math.random,
  });
  return { ...runtime, rateLimiter, authenticate: createAuthenticate({ tokens, states, keys }) };
}

export function benchToken(): Promise<string> {
  return tokens.sign(author, '01890a5d-ac96-774b-bcce-b302099a8059');
}
