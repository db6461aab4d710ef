import { createHash, createHmac, createSign, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import type { Lab, Person } from './client.ts';

/** Whatever an authenticator app shows at a time, made from RFC 4226 and 6238 alone. */
export function totpAt(secret: string, atMs: number): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bits = [...secret].map((char) => alphabet.indexOf(char).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(atMs / 30_000)));
  const mac = createHmac('sha1', key).update(counter).digest();
  const offset = (mac.at(-1) ?? 0) & 15;
  return String((mac.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

type Cbor = number | string | Uint8Array | Map<number | string, Cbor>;

function head(major: number, length: number): Buffer {
  if (length < 24) return Buffer.from([(major << 5) | length]);
  if (length < 256) return Buffer.from([(major << 5) | 24, length]);
  return Buffer.from([(major << 5) | 25, length >> 8, length & 255]);
}

/** As much of CBOR (RFC 8949) as an authenticator needs. */
export function cbor(value: Cbor): Buffer {
  if (typeof value === 'number') return value < 0 ? head(1, -1 - value) : head(0, value);
  if (typeof value === 'string') return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)]);
  if (value instanceof Map) {
    const entries = [...value].map(([key, item]) => Buffer.concat([cbor(key), cbor(item)]));
    return Buffer.concat([head(5, value.size), ...entries]);
  }
  return Buffer.concat([head(2, value.length), value]);
}

const sha256 = (data: string | Buffer) => createHash('sha256').update(data).digest();
const coordinate = (key: KeyObject, name: 'x' | 'y') =>
  Buffer.from(String(key.export({ format: 'jwk' })[name]), 'base64url');

/** What may be different from an honest answer. */
export interface Twist {
  origin?: string;
  rpId?: string;
  type?: string;
  crossOrigin?: boolean;
  userPresent?: boolean;
  userVerified?: boolean;
  counter?: number;
  challenge?: string;
  userHandle?: string;
  credentialId?: Buffer;
  flipSignature?: boolean;
  format?: string;
  statement?: Map<string, Cbor>;
  isSynced?: boolean;
  /** Signs its own attestation, as keys without a maker's certificate do. */
  isSelfAttested?: boolean;
}

interface Options {
  challenge: string;
  rpId?: string;
  rp?: { id: string };
  user?: { id: string };
}

/** An authenticator in software: one ES256 key that counts its signatures. */
export class Authenticator {
  readonly id = randomBytes(32);
  readonly #keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  counter = 0;
  userHandle = '';

  get credentialId(): string {
    return this.id.toString('base64url');
  }

  #clientData(type: string, options: Options, twist: Twist): Buffer {
    return Buffer.from(
      JSON.stringify({
        type: twist.type ?? type,
        challenge: twist.challenge ?? options.challenge,
        origin: twist.origin ?? 'http://localhost:3000',
        crossOrigin: twist.crossOrigin ?? false,
      }),
    );
  }

  #authData(rpId: string, twist: Twist, attested: Buffer = Buffer.alloc(0)): Buffer {
    this.counter = twist.counter ?? this.counter + 1;
    const flags =
      ((twist.userPresent ?? true) ? 1 : 0) |
      ((twist.userVerified ?? true) ? 4 : 0) |
      (twist.isSynced ? 8 : 0) |
      (attested.length > 0 ? 64 : 0);
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(this.counter);
    return Buffer.concat([sha256(twist.rpId ?? rpId), Buffer.from([flags]), counter, attested]);
  }

  #sign(authData: Buffer, clientData: Buffer): Buffer {
    return createSign('sha256')
      .update(Buffer.concat([authData, sha256(clientData)]))
      .sign(this.#keys.privateKey);
  }

  /** What `navigator.credentials.create()` gives. */
  create(options: Options, twist: Twist = {}) {
    this.userHandle = options.user?.id ?? '';
    const { publicKey } = this.#keys;
    const key = new Map<number, Cbor>([
      [1, 2],
      [3, -7],
      [-1, 1],
      [-2, coordinate(publicKey, 'x')],
      [-3, coordinate(publicKey, 'y')],
    ]);
    const id = twist.credentialId ?? this.id;
    const length = Buffer.from([id.length >> 8, id.length & 255]);
    const attested = Buffer.concat([Buffer.alloc(16), length, id, cbor(key)]);
    const clientData = this.#clientData('webauthn.create', options, twist);
    const authData = this.#authData(options.rp?.id ?? '', twist, attested);
    const self = new Map<string, Cbor>([
      ['alg', -7],
      ['sig', this.#sign(authData, clientData)],
    ]);
    const object = new Map<string, Cbor>([
      ['fmt', twist.format ?? (twist.isSelfAttested ? 'packed' : 'none')],
      ['attStmt', twist.statement ?? (twist.isSelfAttested ? self : new Map<string, Cbor>())],
      ['authData', authData],
    ]);
    return {
      id: id.toString('base64url'),
      rawId: id.toString('base64url'),
      type: 'public-key',
      response: {
        clientDataJSON: clientData.toString('base64url'),
        attestationObject: cbor(object).toString('base64url'),
        transports: ['internal'],
      },
      clientExtensionResults: {},
    };
  }

  /** What `navigator.credentials.get()` gives. */
  get(options: Options, twist: Twist = {}) {
    const clientData = this.#clientData('webauthn.get', options, twist);
    const authData = this.#authData(options.rpId ?? '', twist);
    const signature = this.#sign(authData, clientData);
    // The last byte belongs to the second number of the signature, so that its form stays right.
    if (twist.flipSignature) signature.writeUInt8((signature.at(-1) ?? 0) ^ 1, signature.length - 1);
    const id = (twist.credentialId ?? this.id).toString('base64url');
    return {
      id,
      rawId: id,
      type: 'public-key',
      response: {
        clientDataJSON: clientData.toString('base64url'),
        authenticatorData: authData.toString('base64url'),
        signature: signature.toString('base64url'),
        userHandle: twist.userHandle ?? (this.userHandle || null),
      },
      clientExtensionResults: {},
    };
  }
}

/** An authenticator app that somebody has set up, and their recovery codes. */
export interface App {
  secret: string;
  codes: string[];
}

/** Sets up an authenticator app; its first code is used up, so that tests go on with a later one. */
export async function setUpTotp(person: Person, atMs: number): Promise<App> {
  const begun = await person.post('/api/v1/auth/mfa/totp');
  if (begun.status !== 200) throw new Error(`set up: ${begun.text}`);
  const { secret } = begun.json<{ secret: string }>();
  const confirmed = await person.post('/api/v1/auth/mfa/totp/confirm', { code: totpAt(secret, atMs) });
  if (confirmed.status !== 200) throw new Error(`confirm: ${confirmed.text}`);
  return { secret, codes: confirmed.json<{ recovery_codes: string[] }>().recovery_codes };
}

/** Adds a passkey; what the API answers is in `reply`. */
export async function addPasskey(person: Person, authenticator = new Authenticator(), twist: Twist = {}) {
  const options = await person.post('/api/v1/auth/passkeys/options');
  if (options.status !== 200) throw new Error(`options: ${options.text}`);
  const response = authenticator.create(options.json<Options>(), twist);
  const reply = await person.post('/api/v1/auth/passkeys', { response, name: 'My key' });
  if (reply.status !== 201) throw new Error(`add: ${reply.text}`);
  const added = reply.json<{ passkey: { passkey_id: string }; recovery_codes?: string[] }>();
  return { authenticator, reply, passkeyId: added.passkey.passkey_id, codes: added.recovery_codes ?? [] };
}

export interface Challenge {
  mfa_required: true;
  mfa_token: string;
  methods: string[];
  expires_in: number;
}

/** The first half of a log-in of somebody who has a second factor. */
export async function beginLogIn(lab: Lab, person: { username: string; password: string }): Promise<Challenge> {
  const { username, password } = person;
  const reply = await lab.anyone('POST', '/api/auth/login/json', { json: { username, password } });
  if (reply.status !== 200 || !reply.text.includes('mfa_required')) throw new Error(`log in: ${reply.text}`);
  return reply.json<Challenge>();
}

/**
 * A clock that tests move. It begins with a step of one-time codes, so that no run crosses from one step to the next by itself.
 */
export class TestClock {
  ms = Math.floor(Date.now() / 30_000) * 30_000;
  now(): number {
    return this.ms;
  }
  pass(ms: number): void {
    this.ms += ms;
  }
  nextStep(): void {
    this.ms += 30_000;
  }
}

/** Somebody with an authenticator app, whose next code is not used yet. */
export async function makeProtected(lab: Lab, clock: TestClock, role = 'student') {
  const person = await lab.makePerson(role);
  const app = await setUpTotp(person, clock.ms);
  clock.nextStep();
  return { person, ...app, code: (steps = 0) => totpAt(app.secret, clock.ms + steps * 30_000) };
}

interface AuditedEvent extends Record<string, unknown> {
  id: string;
}

/** What was done to somebody's account, oldest first: what waits for the audit trail, and what has got there. */
export async function auditedFor(lab: Lab, userId: string, action: string): Promise<AuditedEvent[]> {
  const parameters = [
    { name: '@action', value: action },
    { name: '@id', value: userId },
  ];
  const read = async (container: string, query: string) =>
    (await lab.container(container).items.query<AuditedEvent>({ query, parameters }).fetchAll()).resources;
  // In the order in which they move, so that none is missed on its way; one that is in both is the same.
  const waiting = await read(
    'identity',
    'SELECT VALUE c.event FROM c WHERE c.event.action = @action AND c.event.target.id = @id',
  );
  const kept = await read('audit', 'SELECT * FROM c WHERE c.action = @action AND c.target.id = @id');
  const events = new Map([...kept, ...waiting].map((event) => [event.id, event]));
  return [...events.values()].sort((one, other) => (one.id < other.id ? -1 : 1));
}
