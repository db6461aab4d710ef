import { Authenticator, addPasskey, beginLogIn, setUpTotp, totpAt } from './authenticator.ts';
import type { Lab, Person } from './client.ts';

// What the battery needs to call the operations of second factors and passkeys rightly.

/** Second factors stay with their account: each of these calls is made by somebody new. */
export const callersWithFactors = [
  'confirm-totp',
  'remove-totp',
  'renew-recovery-codes',
  'verify-second-factor',
  'start-second-factor-passkey',
  'start-step-up-passkey',
  'add-passkey',
  'rename-passkey',
  'remove-passkey',
  'sign-in-with-passkey',
];

interface World {
  lab: Lab;
  people: Readonly<Record<string, Person>>;
}

/** The world's own people get no second factor, because others log in as them; with these a call can only be refused. */
const isOfTheWorld = (world: World, caller: Person) => Object.values(world.people).includes(caller);

type Maker = (world: World, caller: Person) => Promise<unknown>;
const forSomebodyNew =
  (placeholder: unknown, make: Maker): Maker =>
  (world, caller) =>
    isOfTheWorld(world, caller) ? Promise.resolve(placeholder) : make(world, caller);

const someRegistration = new Authenticator().create({ challenge: 'x', rp: { id: 'localhost' } });
const someAssertion = new Authenticator().get({ challenge: 'x', rpId: 'localhost' });

async function passwordAndCode(caller: Person) {
  const { codes } = await setUpTotp(caller, Date.now());
  return { password: caller.password, code: codes[0] };
}

export const secondFactorBodies: Record<string, Maker> = {
  'start-totp': () => Promise.resolve({}),
  'start-passkey': () => Promise.resolve({}),
  'step-up': (_w, caller) => Promise.resolve({ password: caller.password }),
  'confirm-totp': forSomebodyNew({ code: '000000' }, async (_w, caller) => {
    const { secret } = (await caller.post('/api/v1/auth/mfa/totp')).json<{ secret: string }>();
    return { code: totpAt(secret, Date.now()) };
  }),
  'remove-totp': forSomebodyNew({ password: 'x', code: 'x' }, (_w, caller) => passwordAndCode(caller)),
  'renew-recovery-codes': forSomebodyNew({ password: 'x', code: 'x' }, (_w, caller) => passwordAndCode(caller)),
  'verify-second-factor': forSomebodyNew({ mfa_token: 'x', code: 'x' }, async (w, caller) => {
    const { code } = await passwordAndCode(caller);
    return { mfa_token: (await beginLogIn(w.lab, caller)).mfa_token, code };
  }),
  'start-second-factor-passkey': forSomebodyNew({ mfa_token: 'x' }, async (w, caller) => {
    await addPasskey(caller);
    return { mfa_token: (await beginLogIn(w.lab, caller)).mfa_token };
  }),
  'add-passkey': forSomebodyNew({ response: someRegistration, name: 'Key' }, async (_w, caller) => {
    const options = await caller.post('/api/v1/auth/passkeys/options');
    return { response: new Authenticator().create(options.json()), name: 'Key' };
  }),
  'rename-passkey': () => Promise.resolve({ name: 'Another name' }),
  'sign-in-with-passkey': forSomebodyNew({ response: someAssertion }, async (w, caller) => {
    const { authenticator } = await addPasskey(caller);
    const options = await w.lab.anyone('POST', '/api/v1/auth/passkeys/sign-in/options');
    return { response: authenticator.get(options.json()) };
  }),
};

/** A passkey of the caller. */
export async function passkeyOf(world: World, caller: Person): Promise<string> {
  return isOfTheWorld(world, caller) ? crypto.randomUUID() : (await addPasskey(caller)).passkeyId;
}

/** What must have been done for a caller where neither body nor path does it. */
export const secondFactorPreparations: Record<string, (caller: Person) => Promise<unknown>> = {
  'start-step-up-passkey': (caller) => addPasskey(caller),
};
