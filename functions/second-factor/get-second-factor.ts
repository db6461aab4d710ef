import { SecondFactorState } from '../../shared/identity/factor-schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';

export default defineEndpoint({
  name: 'get-second-factor',
  method: 'GET',
  route: 'api/v1/auth/mfa',
  tag: 'Second factor',
  summary: 'Which second factors the caller has.',
  auth: { permission: 'account:secure_self', reach: 'own' },
  rateLimit: 'read',
  success: { status: 200, schema: SecondFactorState },
  errors: [],
  handler: (_input, { user, services }) => services.secondFactor.state(user),
});
