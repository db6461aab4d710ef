/** Two endpoints that do no input or output: what is left is the platform's own work. */
import { z } from 'zod';
import getHealth from '../../functions/platform/get-health.ts';
import { loadConfig } from '../../shared/platform/config.ts';
import { defineEndpoint, type Principal } from '../../shared/platform/define-endpoint.ts';
import { AppError } from '../../shared/platform/errors.ts';
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

const author: Principal = {
  user_id: '01890a5d-ac96-774b-bcce-b302099a8057',
  username: 'bench',
  role: 'configurator',
  full_name: 'Bench',
};

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

const shared = { tag: 'Bench', auth: { permission: 'component:read' }, errors: ['not_found'] } as const;

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

/** Two accounts in memory stand for the account that is read from Cosmos DB at every call; the rest is the real runtime. */
export function createBenchRuntime() {
  const runtime = createRuntime(
    loadConfig({
      LYCEUM_ENVIRONMENT: 'local',
      JWT_SECRET: jwtSecret,
      CosmosConnection: 'AccountEndpoint=http://127.0.0.1:1/;AccountKey=a2V5;',
      ServiceBusConnection:
        'Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=a;SharedAccessKey=a;UseDevelopmentEmulator=true;',
      AzureWebJobsStorage: 'UseDevelopmentStorage=true',
      RATE_LIMIT_SCALE: '1000000',
    }),
    { writeLog: () => undefined },
  );
  const accounts = new Map([[author.user_id, author]]);
  const authenticate = async (token: string) => {
    const account = accounts.get(await tokens.verify(token));
    if (account === undefined) throw new AppError('unauthenticated');
    return account;
  };
  return { ...runtime, authenticate };
}

export function benchToken(): Promise<string> {
  return tokens.sign(author);
}
