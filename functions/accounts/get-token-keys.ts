import { KeySet } from '../../shared/identity/session-schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';

export default defineEndpoint({
  name: 'get-token-keys',
  method: 'GET',
  route: '.well-known/jwks.json',
  tag: 'Sessions',
  summary: 'The public keys with which others can check access tokens; none when they are signed with a secret.',
  auth: 'public',
  rateLimit: 'public',
  success: { status: 200, schema: KeySet },
  errors: [],
  handler: async (_input, { services, setHeader }) => {
    // The same for everybody, and asked for by every service that checks tokens.
    setHeader('cache-control', 'public, max-age=300');
    return { keys: await services.tokens.publicKeys() };
  },
});
