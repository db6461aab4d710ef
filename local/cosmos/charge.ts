/** The request-charge formula; docs/how-to/cosmos-stand-in.md explains it and says where the numbers come from. */
const BYTES_PER_KB = 1024;
const READ_PER_KB = 1;
const WRITE_PER_KB = 5;
const WRITE_PER_INDEX_TERM = 0.1;
const QUERY_BASE = 2.6;
const QUERY_PER_LOADED_KB = 0.04;
const QUERY_PER_RETURNED_KB = 0.02;
export const METADATA_CHARGE = 1;
export const CHANGE_FEED_EMPTY_CHARGE = 1;

export interface Weight {
  bytes: number;
  /** Index entries of the document, see `IndexPolicy.countTerms`. */
  terms: number;
}

/** Started kilobytes, at least one. */
export function startedKb(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / BYTES_PER_KB));
}

export function readCharge(bytes: number): number {
  return READ_PER_KB * startedKb(bytes);
}

/** Taking a version out and putting a version in are charged alike, so a replace is about twice a create. */
export function writeCharge(before: Weight | undefined, after: Weight | undefined): number {
  return rounded(oneSide(before) + oneSide(after));
}

function oneSide(side: Weight | undefined): number {
  return side === undefined ? 0 : WRITE_PER_KB * startedKb(side.bytes) + WRITE_PER_INDEX_TERM * side.terms;
}

export function queryCharge(loadedKb: number, returnedKb: number): number {
  return rounded(QUERY_BASE + QUERY_PER_LOADED_KB * loadedKb + QUERY_PER_RETURNED_KB * returnedKb);
}

export function rounded(charge: number): number {
  return Math.round(charge * 100) / 100;
}
