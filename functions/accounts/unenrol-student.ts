import { EnrolmentRequest } from '../../shared/assessment/schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Message } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'unenrol-student',
  method: 'DELETE',
  route: 'api/auth/enroll',
  tag: 'Enrolment',
  summary: 'End an enrolment; the work handed in stays.',
  auth: { permission: 'enrolment:write', reach: 'component:oversee' },
  rateLimit: 'write',
  body: EnrolmentRequest,
  success: { status: 200, schema: Message },
  errors: ['not_found'],
  handler: async ({ body }, { user, services }) => {
    await services.enrolment.unenrol(user, body);
    return { message: 'Student unenrolled successfully' };
  },
});
