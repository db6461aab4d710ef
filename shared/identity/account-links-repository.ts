import type { BatchOperation, Container } from '../adapters/cosmos/container.ts';
import type { AccountLinkDocument, AccountLinkKind } from './account-link-documents.ts';

const pk = 'accounts';

export interface AccountLinks {
  find(kind: AccountLinkKind, userId: string): Promise<AccountLinkDocument | undefined>;
  /** Writes a link over the one that was read, or as the first one, with `more`; false when somebody else was first. */
  put(link: AccountLinkDocument, more: readonly BatchOperation[]): Promise<boolean>;
}

export function accountLinkId(kind: AccountLinkKind, userId: string): string {
  return `${kind}:${userId}`;
}

/** The link over the version that was read. */
export function replaceLink({ _etag: etag, ...doc }: AccountLinkDocument): BatchOperation {
  return etag === undefined ? { op: 'create', doc } : { op: 'replace', doc, etag };
}

export function createAccountLinks(container: Container): AccountLinks {
  return {
    find: (kind, userId) => container.read<AccountLinkDocument>(accountLinkId(kind, userId), pk),
    put: async (link, more) => (await container.tryBatch(pk, [replaceLink(link), ...more])) === undefined,
  };
}
