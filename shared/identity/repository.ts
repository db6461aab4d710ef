import { type Container, defineQuery } from '../adapters/cosmos/container.ts';
import { pageParameters } from '../platform/paging.ts';
import type { Paging } from '../platform/schemas.ts';
import type { Reservation, UserDocument } from './schemas.ts';

/** All accounts of the institution are one logical partition, so an account and its reservations are one batch. */
const pk = 'accounts';

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

export type ReservedName = { kind: 'username' | 'email'; name: string };

/** Names are compared without regard to case and to the way Unicode wrote them. */
export function reservationId({ kind, name }: ReservedName): string {
  return `${kind}:${encodeURIComponent(name.normalize('NFKC').toLowerCase())}`;
}

export interface Accounts {
  find(userId: string): Promise<UserDocument | undefined>;
  findByName(name: ReservedName): Promise<UserDocument | undefined>;
  /** Makes the account and reserves its names, all or nothing; returns the name that was taken, if one was. */
  create(user: UserDocument, names: readonly ReservedName[]): Promise<ReservedName | undefined>;
  list(paging: Paging): Promise<UserDocument[]>;
  findMany(userIds: readonly string[]): Promise<UserDocument[]>;
}

export function createAccounts(container: Container): Accounts {
  const find = (userId: string) => container.read<UserDocument>(userId, pk);
  return {
    find,
    async findByName(name) {
      const reservation = await container.read<Reservation>(reservationId(name), pk);
      return reservation && find(reservation.user_id);
    },
    async create(user, names) {
      const reservations = names.map(
        (name): Reservation => ({
          id: reservationId(name),
          pk,
          type: 'reservation',
          schema_version: 1,
          user_id: user.user_id,
        }),
      );
      const failed = await container.tryBatch(
        pk,
        [...reservations, user].map((doc) => ({ op: 'create', doc })),
      );
      return failed === undefined ? undefined : (names[failed.index] ?? names[0]);
    },
    async list(paging) {
      return container.query<UserDocument>(queries.listUsers, {
        pk,
        parameters: pageParameters(paging, 'oldest-first'),
      });
    },
    async findMany(userIds) {
      if (userIds.length === 0) return [];
      return container.query<UserDocument>(queries.findUsers, {
        pk,
        parameters: [{ name: '@user_ids', value: [...userIds] }],
      });
    },
  };
}
