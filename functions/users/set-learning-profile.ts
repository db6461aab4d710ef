import { Done, LearningProfileUpdate } from '../../shared/identity/user-schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';

export default defineEndpoint({
  name: 'set-learning-profile',
  method: 'PUT',
  route: 'api/v1/users/me/profile',
  tag: 'Users',
  summary: 'Say how one wants to learn.',
  auth: { permission: 'account:update_self', reach: 'own' },
  rateLimit: 'write',
  body: LearningProfileUpdate,
  success: { status: 200, schema: Done },
  errors: ['conflict'],
  handler: async ({ body }, { user, services }) => {
    await services.profiles.setLearningProfile(user, body);
    return { ok: true as const };
  },
});
