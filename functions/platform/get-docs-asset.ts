import { z } from 'zod';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { docsAssets } from '../../shared/platform/docs-assets.ts';

export default defineEndpoint({
  name: 'get-docs-asset',
  method: 'GET',
  route: 'docs/assets/{file}',
  tag: 'Platform',
  summary: 'A script or style sheet of the documentation page.',
  auth: 'public',
  rateLimit: 'public',
  params: z.object({ file: z.string().max(100) }),
  success: { status: 200, raw: '*/*' },
  errors: ['not_found'],
  handler: ({ params }) => docsAssets.read(params.file),
});
