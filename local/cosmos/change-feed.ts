import type { SQLInputValue } from 'node:sqlite';
import { CHANGE_FEED_EMPTY_CHARGE, queryCharge, startedKb } from './charge.ts';
import { badRequest } from './errors.ts';
import type { Container, Store } from './store.ts';

const PAGE_ITEMS_DEFAULT = 100;
const PAGE_BYTES_MAX = 4 * 1024 * 1024;
const MS_PER_S = 1000;

export interface FeedRequest {
  /** `If-None-Match`: absent from the beginning, `*` from now, else the ETag of the page before. */
  position: string | undefined;
  /** `If-Modified-Since`. */
  since: string | undefined;
  pk: string | undefined;
  maxItems: number | undefined;
}

export interface FeedPage {
  items: string[];
  /** Position after this page, with which the next request goes on. */
  etag: string;
  charge: number;
}

/** Latest version of every changed item in the order of the writes; deletes and expired items are not in it. */
export function readChangeFeed(store: Store, container: Container, request: FeedRequest): FeedPage {
  const from = start(store, request.position);
  const limit = request.maxItems === undefined || request.maxItems < 1 ? PAGE_ITEMS_DEFAULT : request.maxItems;
  const since = request.since === undefined ? 0 : Math.floor(Date.parse(request.since) / MS_PER_S);
  if (Number.isNaN(since)) throw badRequest('If-Modified-Since is not a date.');
  const filters = ['lsn > ?', 'ts >= ?', '(expires_ms IS NULL OR expires_ms > ?)'];
  const values: SQLInputValue[] = [from, since, store.now()];
  if (request.pk !== undefined) {
    filters.push('pk = ?');
    values.push(request.pk);
  }
  const sql = `SELECT lsn, bytes, body FROM ${container.table} WHERE ${filters.join(' AND ')} ORDER BY lsn LIMIT ?`;
  const items: string[] = [];
  let [bytes, kb, last, isCut] = [0, 0, from, false];
  for (const row of store.prepare(sql).iterate(...values, limit)) {
    if (items.length > 0 && bytes + Number(row['bytes']) > PAGE_BYTES_MAX) {
      isCut = true;
      break;
    }
    last = Number(row['lsn']);
    bytes += Number(row['bytes']);
    kb += startedKb(Number(row['bytes']));
    // Readers may see the sequence number, as in the service.
    items.push(`${String(row['body']).slice(0, -1)},"_lsn":${last}}`);
  }
  // Whoever has read everything need not scan again what was deleted or belongs to other keys.
  if (!isCut && items.length < limit) last = store.lastLsn;
  return { items, etag: `"${last}"`, charge: items.length === 0 ? CHANGE_FEED_EMPTY_CHARGE : queryCharge(kb, kb) };
}

function start(store: Store, position: string | undefined): number {
  if (position === undefined) return 0;
  if (position === '*') return store.lastLsn;
  const lsn = /^"?(\d+)"?$/.exec(position)?.[1];
  if (lsn === undefined) throw badRequest(`The change feed position ${position} is invalid.`);
  return Number(lsn);
}
