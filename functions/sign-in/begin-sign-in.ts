import { ProviderParam, SignInStart } from '../../shared/identity/external-schemas.ts';
import { hostCookie, signInCookie } from '../../shared/platform/cookies.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';

export default defineEndpoint({
  name: 'begin-sign-in',
  method: 'GET',
  route: 'api/v1/auth/{provider}/login',
  tag: 'Accounts',
  summary: 'Where to send the browser to sign in with Microsoft Entra, Google or GitHub.',
  auth: 'public',
  rateLimit: 'login',
  params: ProviderParam,
  success: { status: 200, schema: SignInStart },
  errors: ['not_found', 'provider_unavailable'],
  async handler({ params }, { services, setHeader }) {
    const begun = await services.externalSignIn.begin(params.provider);
    // For a page of our own site that sends nothing but the code: its browser brings the secret by itself.
    setHeader('set-cookie', hostCookie(signInCookie, begun.state, begun.expires_in));
    return begun;
  },
});
