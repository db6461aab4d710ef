import type { Person } from './client.ts';

const path = '/api/v1/auth/keys';
/** Of the five that everybody may have, one stays as it is, and some are left for the calls that are under way. */
const keptMax = 3;

const keysOf = async (owner: Person): Promise<string[]> =>
  (await owner.get(path)).json<{ id: string }[]>().map((key) => key.id);

async function make(owner: Person): Promise<string> {
  return (await owner.post(path, { name: 'a key' })).json<{ key_info: { id: string } }>().key_info.id;
}

/** The oldest API key of a person; the first call makes it. */
export async function oldestKeyOf(owner: Person): Promise<string> {
  return (await keysOf(owner)).at(-1) ?? make(owner);
}

/** Makes sure that a person can have one key more: the oldest stays, newer ones are revoked. */
export async function makeRoomForKey(owner: Person): Promise<void> {
  const surplus = (await keysOf(owner)).slice(0, -1).slice(keptMax - 1);
  for (const id of surplus) await owner.delete(`${path}/${id}`);
}

const last = new Map<string, Promise<unknown>>();

/** One more key of a person; one after the other, because there is room for five. */
export function newKeyOf(owner: Person): Promise<string> {
  const made = Promise.resolve(last.get(owner.id)).then(async () => {
    await oldestKeyOf(owner);
    await makeRoomForKey(owner);
    return make(owner);
  });
  last.set(
    owner.id,
    made.catch(() => undefined),
  );
  return made;
}
