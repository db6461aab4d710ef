import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';

/**
 * Everything that the page needs comes from our own origin, so it works offline. The documentation sets styles on its
 * elements, but needs neither scripts nor style sheets in the page.
 */
const headers = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "style-src-attr 'unsafe-inline'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
};

const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Lyceum API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/assets/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<noscript>The description of this API is at <a href="/openapi.json">/openapi.json</a>.</noscript>
<script src="/docs/assets/swagger-ui-bundle.js"></script>
<script src="/docs/assets/start.js"></script>
</body>
</html>
`;

export default defineEndpoint({
  name: 'get-docs',
  method: 'GET',
  route: ['docs', 'redoc'],
  tag: 'Platform',
  summary: 'The description of this API as a page to read and to try.',
  auth: 'public',
  rateLimit: 'public',
  success: { status: 200, raw: 'text/html' },
  errors: [],
  handler: () => ({ contentType: 'text/html; charset=utf-8', content: page, headers }),
});
