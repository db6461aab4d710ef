import { z } from 'zod';
import { ApiKey, KeyOwnerQuery } from '../../shared/api-keys/schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Paging } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'list-api-keys',
  method: 'GET',
  route: ['api/v1/api-keys/list', 'api/v1/auth/keys'],
  tag: 'API keys',
  summary: 'The API keys of an owner, newest first; through an API key only those that reach no further than it.',
  auth: { permission: 'api_key:manage_own', reach: 'api_key:admin' },
  rateLimit: 'read',
  query: Paging.extend({
    ...KeyOwnerQuery.shape,
    include_revoked: z.stringbool().default(false).describe('Revoked ones are kept for 90 days'),
  }),
  success: { status: 200, page: ApiKey },
  errors: ['forbidden'],
  handler: ({ query }, { user, services }) => services.apiKeys.list(user, query),
});
