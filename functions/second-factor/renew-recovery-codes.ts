import { FactorProof, RecoveryCodes } from '../../shared/identity/factor-schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';

export default defineEndpoint({
  name: 'renew-recovery-codes',
  method: 'POST',
  route: 'api/v1/auth/mfa/recovery-codes',
  tag: 'Second factor',
  summary: 'A new set of recovery codes in place of the old one.',
  auth: { permission: 'account:secure_self', reach: 'own' },
  rateLimit: 'login',
  body: FactorProof,
  success: { status: 200, schema: RecoveryCodes },
  errors: ['wrong_password', 'invalid_code', 'not_found', 'conflict'],
  handler: ({ body }, { user, services }) => services.secondFactor.renewRecoveryCodes(user, body),
});
