import type { Page } from './define-endpoint.ts';
import type { Paging } from './schemas.ts';

/**
 * Lists are paged by the identifier of their last item (identifiers sort by the time they were made), so a page stays
 * right while items are added. Queries take the values of `pageParameters`.
 */
export function pageParameters(
  paging: Paging,
  order: 'oldest-first' | 'newest-first',
): { name: string; value: string | number }[] {
  // Hexadecimal identifiers all lie between these two.
  const start = order === 'oldest-first' ? '' : 'g';
  const after = paging.cursor === undefined ? start : fromCursor(paging.cursor);
  return [
    { name: '@after', value: after },
    { name: '@skip', value: paging.cursor === undefined ? paging.skip : 0 },
    // One more than asked for tells whether there is a next page.
    { name: '@limit', value: paging.limit + 1 },
  ];
}

/** The id of the last item of the page before. */
export function fromCursor(cursor: string): string {
  return Buffer.from(cursor, 'base64url').toString('utf8');
}

/** Cuts the extra item off and makes the cursor of the next page from the last one kept. */
export function toPage<T>(items: readonly T[], paging: Pick<Paging, 'limit'>, idOf: (item: T) => string): Page<T> {
  const kept = items.slice(0, paging.limit);
  const last = kept.at(-1);
  if (items.length <= paging.limit || last === undefined) return { items: kept };
  return { items: kept, cursor: Buffer.from(idOf(last), 'utf8').toString('base64url') };
}
