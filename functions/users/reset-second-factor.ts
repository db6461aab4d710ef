import { z } from 'zod';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Id } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'reset-second-factor',
  method: 'DELETE',
  route: 'api/v1/users/{user_id}/mfa',
  tag: 'Users',
  summary:
    'Take the second factors from an account whose holder has lost them; its sessions end and the holder is told.',
  auth: { permission: 'user:admin', reach: 'all', fresh: true },
  rateLimit: 'write',
  params: z.object({ user_id: Id }),
  success: { status: 204 },
  errors: ['not_found', 'conflict'],
  handler: ({ params }, { user, services }) => services.secondFactor.reset(user, params.user_id),
});
