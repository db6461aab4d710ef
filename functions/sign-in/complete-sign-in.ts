import { ProviderParam, SignInCallback } from '../../shared/identity/external-schemas.ts';
import { SignInAnswer } from '../../shared/identity/session-schemas.ts';
import { hostCookie, signInCookie } from '../../shared/platform/cookies.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';

export default defineEndpoint({
  name: 'complete-sign-in',
  method: 'POST',
  route: 'api/v1/auth/{provider}/callback',
  tag: 'Accounts',
  summary: 'Exchange what the provider sent back with the browser for tokens, or for the question for a second factor.',
  auth: 'public',
  rateLimit: 'login',
  params: ProviderParam,
  body: SignInCallback,
  success: { status: 200, schema: SignInAnswer },
  errors: [
    'not_found',
    'sign_in_refused',
    'provider_unavailable',
    'link_required',
    'registration_closed',
    'inactive_user',
    'conflict',
  ],
  async handler({ params, body }, { services, caller, cookie, setHeader }) {
    const callback = { ...body, state: body.state ?? cookie(signInCookie) };
    const answer = await services.externalSignIn.complete(params.provider, callback, caller);
    setHeader('set-cookie', hostCookie(signInCookie, '', 0));
    return answer;
  },
});
