import { PasskeyRequestOptions } from '../../shared/identity/factor-schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';

export default defineEndpoint({
  name: 'start-step-up-passkey',
  method: 'POST',
  route: 'api/v1/auth/step-up/passkey/options',
  tag: 'Second factor',
  summary: 'What a passkey must sign to prove again who you are.',
  auth: { permission: 'account:secure_self', reach: 'own' },
  rateLimit: 'login',
  success: { status: 200, schema: PasskeyRequestOptions },
  errors: ['not_found'],
  handler: (_input, { user, services }) => services.passkeys.startProof(user.user_id, 'step_up'),
});
