import { z } from 'zod';
import { KeyOwnerQuery } from '../../shared/api-keys/schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Id, Message } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'revoke-api-key',
  method: 'DELETE',
  route: ['api/v1/api-keys/{key_id}', 'api/v1/auth/keys/{key_id}'],
  tag: 'API keys',
  summary: 'Revoke an API key for good.',
  auth: { permission: 'api_key:manage_own', reach: 'api_key:admin' },
  rateLimit: 'write',
  params: z.object({ key_id: Id }),
  query: KeyOwnerQuery.extend({ reason: z.string().trim().max(200).optional() }),
  success: { status: 200, schema: Message },
  errors: ['not_found', 'forbidden', 'conflict'],
  handler: async ({ params, query }, { user, services }) => {
    const place = { keyId: params.key_id, ownerId: query.user_id };
    await services.apiKeys.revoke(user, place, query.reason || null);
    return { message: 'API key revoked successfully' };
  },
});
