import {
  type BatchOperation,
  type BatchRefusal,
  type Container,
  defineQuery,
  type PatchOperation,
} from '../adapters/cosmos/container.ts';
import { isConflict } from '../adapters/cosmos/errors.ts';
import { pageParameters } from '../platform/paging.ts';
import type { Paging } from '../platform/schemas.ts';
import { type ReservedName, upgradeUser } from './account-documents.ts';
import type { Reservation, UserDocument, UserDocumentV1 } from './schemas.ts';

/** All accounts of the institution are one logical partition, so an account and its reservations are one batch. */
export const accountsPk = 'accounts';
const pk = accountsPk;

export const queries = {
  listUsers: defineQuery({
    name: 'list-users',
    container: 'identity',
    scope: 'partition',
    text: `SELECT * FROM c WHERE c.type = 'user' AND c.user_id > @after ORDER BY c.user_id OFFSET @skip LIMIT @limit`,
    index: 'type, user_id',
  }),
  findUsers: defineQuery({
    name: 'find-users',
    container: 'identity',
    scope: 'partition',
    text: `SELECT * FROM c WHERE c.type = 'user' AND ARRAY_CONTAINS(@user_ids, c.user_id) ORDER BY c.user_id`,
    index: 'type, user_id',
  }),
};

/** Names are compared without regard to case and to the way Unicode wrote them. */
export function reservationId({ kind, name }: ReservedName): string {
  return `${kind}:${encodeURIComponent(name.normalize('NFKC').toLowerCase())}`;
}

/** What a provider calls somebody; case matters, unlike in our own names. */
export interface ExternalName {
  provider: string;
  subject: string;
}

function externalReservationId({ provider, subject }: ExternalName): string {
  return `external:${provider}:${encodeURIComponent(subject)}`;
}

function reserve(id: string, userId: string): BatchOperation {
  const doc: Reservation = { id, pk, type: 'reservation', schema_version: 1, user_id: userId };
  return { op: 'create', doc };
}

/** Makes a name lead to one account, for the batch that writes that account. */
export function reserveName(name: ReservedName, userId: string): BatchOperation {
  return reserve(reservationId(name), userId);
}

/** Makes what a provider calls somebody lead to one account, for the batch that writes that account. */
export function reserveExternal(name: ExternalName, userId: string): BatchOperation {
  return reserve(externalReservationId(name), userId);
}

/** Undoes `reserveExternal`, in the batch that takes the provider out of the account. */
export function releaseExternal(name: ExternalName): BatchOperation {
  return { op: 'remove', id: externalReservationId(name) };
}

export interface Accounts {
  find(userId: string): Promise<UserDocument | undefined>;
  findByName(name: ReservedName): Promise<UserDocument | undefined>;
  findByExternal(name: ExternalName): Promise<UserDocument | undefined>;
  /** Whose name it is. */
  findReserved(name: ReservedName): Promise<string | undefined>;
  /** Whether an account holds the name. */
  isTaken(name: ReservedName): Promise<boolean>;
  /**
   * Makes the account and reserves its names, with `more` in the same batch, all or nothing. Returns the name that was
   * taken, or `more` when an operation of these was refused.
   */
  create(
    user: UserDocument,
    names: readonly ReservedName[],
    more?: readonly BatchOperation[],
  ): Promise<ReservedName | 'more' | undefined>;
  /**
   * Writes the account over the version that was read, with `more` in the same batch, all or nothing; returns the refusal
   * (index 0: the account itself has changed since).
   */
  replace(user: UserDocument, more?: readonly BatchOperation[]): Promise<BatchRefusal | undefined>;
  /**
   * Counts a log-in, with the password hash of `user` in the same write: this one only over the version that was read, so
   * that it never takes the place of a newer password.
   */
  noteLogIn(user: UserDocument, at: string): Promise<void>;
  /**
   * Whether the first administrator of this name was made before. It stays true when the account is renamed or deleted: what
   * an administrator has ended must not come back with the next start.
   */
  isFirstMade(username: string): Promise<boolean>;
  /** For the batch that makes the first administrator. */
  firstMadeOperation(first: { username: string; made_at: string }): BatchOperation;
  list(paging: Paging): Promise<UserDocument[]>;
  findMany(userIds: readonly string[]): Promise<UserDocument[]>;
}

function firstId(username: string): string {
  return `first-administrator:${reservationId({ kind: 'username', name: username })}`;
}

export function createAccounts(container: Container): Accounts {
  const find = async (userId: string) => {
    const stored = await container.read<UserDocument | UserDocumentV1>(userId, pk);
    return stored?.type === 'user' ? upgradeUser(stored) : undefined;
  };
  const findReserved = async (name: ReservedName) =>
    (await container.read<Reservation>(reservationId(name), pk))?.user_id;
  return {
    find,
    findReserved,
    async findByName(name) {
      const userId = await findReserved(name);
      return userId === undefined ? undefined : find(userId);
    },
    async findByExternal(name) {
      const reservation = await container.read<Reservation>(externalReservationId(name), pk);
      return reservation && find(reservation.user_id);
    },
    isTaken: async (name) => (await container.read<Reservation>(reservationId(name), pk)) !== undefined,
    async create(user, names, more = []) {
      const reservations = names.map((name) => reserveName(name, user.user_id));
      const failed = await container.tryBatch(pk, [...reservations, { op: 'create', doc: user }, ...more]);
      if (failed === undefined) return undefined;
      return failed.index > names.length ? 'more' : (names[failed.index] ?? names[0]);
    },
    replace(user, more = []) {
      const { _etag: etag, ...doc } = user;
      return container.tryBatch(pk, [{ op: 'replace', doc, ...(etag === undefined ? {} : { etag }) }, ...more]);
    },
    async noteLogIn(user, at) {
      const noted: PatchOperation[] = [
        { op: 'set', path: '/last_login', value: at },
        { op: 'incr', path: '/login_count', value: 1 },
      ];
      const withHash: PatchOperation[] = [...noted, { op: 'set', path: '/password_hash', value: user.password_hash }];
      try {
        await container.patch(user.id, pk, withHash, user._etag === undefined ? {} : { etag: user._etag });
      } catch (error) {
        if (!isConflict(error)) throw error;
        await container.patch(user.id, pk, noted);
      }
    },
    isFirstMade: async (username) => (await container.read(firstId(username), pk)) !== undefined,
    firstMadeOperation({ username, made_at }) {
      const doc = { id: firstId(username), pk, type: 'first_administrator', schema_version: 1, made_at };
      return { op: 'create', doc };
    },
    async list(paging) {
      const parameters = pageParameters(paging, 'oldest-first');
      return (await container.query<UserDocument | UserDocumentV1>(queries.listUsers, { pk, parameters })).map(
        upgradeUser,
      );
    },
    async findMany(userIds) {
      if (userIds.length === 0) return [];
      const parameters = [{ name: '@user_ids', value: [...userIds] }];
      return (await container.query<UserDocument | UserDocumentV1>(queries.findUsers, { pk, parameters })).map(
        upgradeUser,
      );
    },
  };
}
