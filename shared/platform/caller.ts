import type { HttpRequest } from '@azure/functions';
import { clientAddress } from './client-address-rules.ts';
import type { Caller } from './define-endpoint.ts';
import type { Credential, Runtime } from './runtime.ts';

const requestIdPattern = /^[A-Za-z0-9._:-]{1,128}$/;

/** The caller's own request id where it is a harmless one, else a new one. */
export function takeRequestId(request: HttpRequest, runtime: Runtime): string {
  const given = request.headers.get('x-request-id');
  return given !== null && requestIdPattern.test(given) ? given : runtime.ids.next();
}

const textLimit = 400;

/** What is known of the caller before anything is proved; texts of the caller's own are cut, because they are kept. */
export function callerOf(request: HttpRequest, requestId: string, runtime: Runtime): Caller {
  const header = (name: string) => request.headers.get(name)?.slice(0, textLimit) ?? null;
  return {
    request_id: requestId,
    address: clientAddress(request.headers.get('x-forwarded-for'), runtime.trustedProxyHops),
    user_agent: header('user-agent'),
    origin: header('origin'),
    place_id: header('roblox-id') ?? header('x-place-id'),
  };
}

/** What the caller shows: a bearer token, or an API key in any of the headers that clients use for one. */
export function credentialOf(request: HttpRequest): Credential | undefined {
  const given = request.headers.get('authorization');
  const [, scheme = '', value = ''] = /^(Bearer|Api-Key) +(\S+)$/i.exec(given ?? '') ?? [];
  if (value !== '') return { kind: scheme.toLowerCase() === 'bearer' ? 'bearer' : 'api_key', value };
  const key = request.headers.get('x-api-key');
  return given === null && key !== null && key !== '' ? { kind: 'api_key', value: key } : undefined;
}
