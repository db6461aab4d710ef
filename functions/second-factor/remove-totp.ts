import { FactorProof } from '../../shared/identity/factor-schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';

export default defineEndpoint({
  name: 'remove-totp',
  method: 'DELETE',
  route: 'api/v1/auth/mfa/totp',
  tag: 'Second factor',
  summary: 'Remove the authenticator app.',
  auth: { permission: 'account:secure_self', reach: 'own' },
  rateLimit: 'login',
  body: FactorProof,
  success: { status: 204 },
  errors: ['wrong_password', 'invalid_code', 'not_found', 'conflict'],
  handler: async ({ body }, { user, services }) => {
    await services.secondFactor.removeTotp(user, body);
    return undefined;
  },
});
