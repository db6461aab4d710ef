import type { z } from 'zod';
import type { ErrorCode } from './errors.ts';
import type { Permission } from './permissions.ts';

/** What the application offers to handlers; `shared/services.ts` adds one member per domain. */
export interface Services {
  health: { check(): Promise<Health> };
}

export interface Health {
  /** `degraded`: work is accepted, but grading waits for the model; `unavailable`: requests would fail. */
  status: 'ok' | 'degraded' | 'unavailable';
  checks: Record<string, { ok: boolean; ms: number; detail?: string }>;
}

/** Where a request came from, as far as it can be told. */
export interface Caller {
  request_id: string;
  /** The network address that the platform saw; `unknown` when the request did not come through it. */
  address: string;
  user_agent: string | null;
  /** The `Origin` of a browser page. */
  origin: string | null;
  /** The game server that Roblox names in its own header. */
  place_id: string | null;
}

/** How somebody proved who they are: a log-in of a person, or an API key that acts for one. */
export type Via =
  | { kind: 'session'; session_id: string }
  | {
      kind: 'api_key';
      key_id: string;
      /** Its own limits in place of the built-in ones of its owner. */
      limits: readonly NamedLimit[];
    };

/** At most `max_calls` in each `window_s` seconds. */
export interface NamedLimit {
  name: 'minute' | 'hour' | 'day';
  window_s: number;
  max_calls: number;
}

/** How much of the built-in limits an account has. */
export type RateTier = 'free' | 'basic' | 'premium' | 'enterprise';

/** The person behind a request, with what this request may do: with an API key that may be less than the role says. */
export interface Principal {
  user_id: string;
  username: string;
  email: string | null;
  full_name: string | null;
  /** One of the built-in roles or one that an administrator made; decide by `permissions`, not by this name. */
  role: string;
  permissions: ReadonlySet<Permission>;
  tier: RateTier;
  via: Via;
  caller: Caller;
}

export type HttpMethod = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** One page of a list; the cursor goes into the `Link` header so that the body stays a bare array. */
export interface Page<T> {
  items: T[];
  cursor?: string | undefined;
}

/** An answer that is not JSON: pages, scripts, style sheets. */
export interface RawBody {
  contentType: string;
  content: string | Uint8Array;
  headers?: Record<string, string>;
}

/** Success with a body checked by `schema`; with a page of items checked by `page`; or of another media type. */
export type Success =
  | { status: 200 | 201 | 202; schema: z.ZodType }
  | { status: 200; page: z.ZodType }
  | { status: 200; raw: string }
  | { status: 204 };

type Result<S extends Success> = S extends { schema: infer T extends z.ZodType }
  ? z.input<T>
  : S extends { page: infer T extends z.ZodType }
    ? Page<z.input<T>>
    : S extends { raw: string }
      ? RawBody
      : undefined;

type Parsed<T> = T extends z.ZodType ? z.output<T> : undefined;

/** What a handler gets beside its input. */
export interface RequestContext<A extends Auth> {
  user: A extends 'public' ? undefined : A extends 'optional' | 'if_valid' ? Principal | undefined : Principal;
  services: Services;
  caller: Caller;
  /** The API key or token as it was shown, for the one endpoint that is asked whether it is good. */
  shownKey: string | undefined;
  /** The identifier for what this request creates; the same again when an `Idempotency-Key` is repeated. */
  newId: string;
  /** The ETag that the caller saw, without quotes, when `If-Match` was sent. */
  ifMatch: string | undefined;
  /** The value of a cookie of the request. */
  cookie(name: string): string | undefined;
  /** One more header for the answer, when it is a success. */
  setHeader(name: string, value: string): void;
}

/**
 * `public`: credentials are not looked at; `optional`: they are used when given, and refused when wrong; `if_valid`: wrong
 * ones count as none, for what is also done with a proof in the body when the access token has expired. Otherwise the
 * permission, and how far it reaches here: over everything, over what belongs to the caller alone, or over everything only
 * for who also has another permission. The services hold to it; the table of `docs/permissions.md` says it and the battery
 * tries it. `fresh`: who they are must have been proved a short while ago (step-up).
 */
export type Auth =
  | 'public'
  | 'optional'
  | 'if_valid'
  | { permission: Permission; reach: 'all' | 'own' | Permission; fresh?: true };

export type RateLimitPolicy = 'read' | 'write' | 'login' | 'register' | 'email' | 'grade' | 'public';

export interface EndpointSpec<
  P extends z.ZodObject | undefined = z.ZodObject | undefined,
  Q extends z.ZodObject | undefined = z.ZodObject | undefined,
  B extends z.ZodType | undefined = z.ZodType | undefined,
  S extends Success = Success,
  A extends Auth = Auth,
> {
  /** Function name, file name and operation id: `verb-noun`. */
  name: string;
  method: HttpMethod;
  /** One path, or several that mean the same; parameters in braces as Functions writes them. */
  route: string | readonly string[];
  tag: string;
  summary: string;
  auth: A;
  rateLimit: RateLimitPolicy;
  params?: P;
  query?: Q;
  body?: B;
  /** The media types that the body may have; JSON by default. */
  consumes?: readonly ('json' | 'form')[];
  /** Bytes; 1 MiB by default. */
  bodyLimitBytes?: number;
  success: S;
  /** The codes that the handler itself may raise; those of the pipeline are added by the pipeline. */
  errors: readonly ErrorCode[];
  /**
   * Repeats with the same `Idempotency-Key` answer what the first one answered. For POSTs that create. `secret`: the answer
   * holds what is shown only once and is never kept; a repeat gets 409 `already_done` with the identifier of what was made.
   */
  idempotent?: true | 'secret';
  /**
   * Milliseconds that an answer can take; 30 s when absent. After that a request with an `Idempotency-Key` that has not
   * ended counts as dead with its instance, and a repeat runs in its place.
   */
  longestMs?: number;
  handler: (
    input: { params: Parsed<P>; query: Parsed<Q>; body: Parsed<B> },
    context: RequestContext<A>,
  ) => Promise<Result<S>> | Result<S>;
}

/** An endpoint with its types erased, as the pipeline, the documents and the tests see it. */
export interface Endpoint extends Omit<EndpointSpec, 'handler' | 'route'> {
  kind: 'endpoint';
  routes: readonly string[];
  handler: (
    input: { params: unknown; query: unknown; body: unknown },
    context: RequestContext<Auth>,
  ) => Promise<unknown> | unknown;
}

export const defaultBodyLimitBytes = 1_048_576;

/** Declares an HTTP operation. Nothing happens at import: `mount` registers what `functions/index.ts` lists. */
export function defineEndpoint<
  const S extends Success,
  const A extends Auth,
  P extends z.ZodObject | undefined = undefined,
  Q extends z.ZodObject | undefined = undefined,
  B extends z.ZodType | undefined = undefined,
>(spec: EndpointSpec<P, Q, B, S, A>): Endpoint {
  const { route, handler, ...rest } = spec;
  return {
    ...rest,
    kind: 'endpoint',
    routes: typeof route === 'string' ? [route] : route,
    // The pipeline has parsed the input with exactly these schemas, so the narrower type holds.
    handler: handler as Endpoint['handler'],
  };
}
