import { AuditItem, AuditQuery } from '../../shared/audit/schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';

export default defineEndpoint({
  name: 'list-audit-events',
  method: 'GET',
  route: 'api/v1/admin/audit',
  tag: 'Administration',
  summary:
    'Who did what, newest first. A page may be empty and still have a next one: follow the Link header to the end.',
  auth: { permission: 'audit:read', reach: 'all' },
  rateLimit: 'read',
  query: AuditQuery,
  success: { status: 200, page: AuditItem },
  errors: [],
  handler: ({ query }, { services }) => services.auditTrail.list(query),
});
