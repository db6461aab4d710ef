import { AuditVerdict, AuditVerification } from '../../shared/audit/schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';

export default defineEndpoint({
  name: 'verify-audit-trail',
  method: 'POST',
  route: 'api/v1/admin/audit/verify',
  tag: 'Administration',
  summary: 'Check that no event of the audit trail was changed, removed, added or moved since it was written.',
  auth: { permission: 'audit:read', reach: 'all' },
  rateLimit: 'write',
  body: AuditVerification,
  success: { status: 200, schema: AuditVerdict },
  errors: [],
  handler: ({ body }, { user, services }) => services.auditVerify.verify(user, body),
});
