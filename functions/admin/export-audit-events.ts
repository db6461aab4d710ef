import { AuditExportQuery } from '../../shared/audit/schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';

const route = 'api/v1/admin/audit/export';

export default defineEndpoint({
  name: 'export-audit-events',
  method: 'GET',
  route,
  tag: 'Administration',
  summary: 'The audit trail as one JSON object a line, oldest first. Where there is more, the Link header leads to it.',
  auth: { permission: 'audit:read', reach: 'all' },
  rateLimit: 'read',
  query: AuditExportQuery,
  success: { status: 200, raw: 'application/x-ndjson' },
  errors: [],
  handler: async ({ query }, { user, services }) => {
    const { content, cursor } = await services.auditTrail.exportLines(user, query);
    const next = new URLSearchParams({
      ...(query.from !== undefined && { from: query.from }),
      ...(query.to !== undefined && { to: query.to }),
      lines: String(query.lines),
      cursor: cursor ?? '',
    });
    const headers = {
      'content-disposition': 'attachment; filename="audit.ndjson"',
      ...(cursor !== undefined && { link: `</${route}?${next}>; rel="next"` }),
    };
    return { contentType: 'application/x-ndjson', content, headers };
  },
});
