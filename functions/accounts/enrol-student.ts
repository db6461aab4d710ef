import { EnrolmentRequest } from '../../shared/assessment/schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Message } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'enrol-student',
  method: 'POST',
  route: 'api/auth/enroll',
  tag: 'Enrolment',
  summary: 'Enrol a student in a component.',
  auth: { permission: 'enrolment:write', reach: 'component:oversee' },
  rateLimit: 'write',
  body: EnrolmentRequest,
  success: { status: 200, schema: Message },
  errors: ['not_found', 'not_a_student', 'already_enrolled'],
  idempotent: true,
  handler: async ({ body }, { user, services }) => {
    await services.enrolment.enrol(user, body);
    return { message: 'Student enrolled successfully' };
  },
});
