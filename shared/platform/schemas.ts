import { z } from 'zod';

/** An identifier; lower case, so that it is found however the client wrote it. */
export const Id = z.guid('must be a UUID').toLowerCase().describe('UUID');

export const Timestamp = z.iso.datetime().describe('ISO 8601, UTC');

export const Message = z
  .object({ message: z.string() })
  .meta({ id: 'Message', description: 'A sentence for a person.' });

export const Problem = z
  .object({
    type: z.string().describe('URN of the error code'),
    title: z.string(),
    status: z.int(),
    detail: z.string().describe('What went wrong, safe to show'),
    code: z.string().describe('Stable code to program against'),
    message: z.string().describe('The same as `detail`'),
    request_id: z.string(),
    errors: z
      .array(z.object({ loc: z.array(z.union([z.string(), z.int()])), msg: z.string(), type: z.string() }))
      .optional()
      .describe('For 422: each thing that is wrong with the input'),
  })
  .meta({ id: 'Problem', description: 'Problem document of RFC 9457.' });

/** Paging of every list: `skip` for older clients, `cursor` from the `Link` header for newer ones. */
export const Paging = z.object({
  limit: z.coerce.number().int().min(1).max(1000).default(100).describe('How many items at most, 1 to 1000'),
  skip: z.coerce.number().int().min(0).max(100_000).default(0).describe('How many items to leave out at the start'),
  cursor: z
    .string()
    .max(200)
    .regex(/^[A-Za-z0-9_-]+$/, 'is not a cursor')
    .optional()
    .describe('Where the next page starts, from the `Link` header of the last one'),
});
export type Paging = z.output<typeof Paging>;
