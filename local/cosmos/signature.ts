import { createHmac, timingSafeEqual } from 'node:crypto';
import { CosmosError } from './errors.ts';

/** The account key of the official emulator: public by design, so that it can never be mistaken for a secret. */
export const EMULATOR_KEY = 'C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw==';

export interface SignedRequest {
  method: string;
  resourceType: string;
  /** The decoded link of the resource, `dbs/x/colls/y/docs/z`, or of the parent of a feed. */
  resourceLink: string;
  date: string | undefined;
  authorization: string | undefined;
}

/** Checks the master-key signature: HMAC-SHA256 over verb, resource type, resource link and date. Throws 401. */
export function verifySignature(key: Buffer, request: SignedRequest): void {
  if (request.authorization === undefined || request.date === undefined) {
    throw new CosmosError(401, "Required Header 'authorization' or 'x-ms-date' is missing.");
  }
  const given = /(?:^|&)sig=(.+)$/.exec(safeDecode(request.authorization))?.[1] ?? '';
  const text = `${request.method.toLowerCase()}\n${request.resourceType}\n${request.resourceLink}\n${request.date.toLowerCase()}\n\n`;
  const expected = createHmac('sha256', key).update(text).digest();
  const actual = Buffer.from(given, 'base64');
  if (actual.length !== expected.length || !timingSafeEqual(actual, expected)) {
    throw new CosmosError(
      401,
      "The input authorization token can't serve the request. The wrong key is being used or the expected payload is not built as per the protocol.",
    );
  }
}

function safeDecode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
