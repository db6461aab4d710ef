import { SteppedUp, StepUp } from '../../shared/identity/factor-schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';

export default defineEndpoint({
  name: 'step-up',
  method: 'POST',
  route: 'api/v1/auth/step-up',
  tag: 'Second factor',
  summary: 'Prove again who you are, for what asks for a fresh proof.',
  auth: { permission: 'account:secure_self', reach: 'own' },
  rateLimit: 'login',
  body: StepUp,
  success: { status: 200, schema: SteppedUp },
  errors: ['step_up_required', 'wrong_password', 'invalid_code', 'conflict'],
  handler: ({ body }, { user, services }) => services.stepUp.stepUp(user, body),
});
