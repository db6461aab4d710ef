import { createHash } from 'node:crypto';
import { brotliDecompressSync } from 'node:zlib';
import { commonPasswordsPacked } from './common-passwords-list.ts';

/** What is known of somebody, and therefore no password for them. */
export interface PasswordOwner {
  username: string;
  email: string | null;
  full_name?: string | null | undefined;
  first_name?: string | null | undefined;
  last_name?: string | null | undefined;
}

let commonPasswords: ReadonlySet<string> | undefined;
let commonDigests: ReadonlySet<string> | undefined;

/** The list is unpacked with the first new password: few instances ever see one. */
function common(): ReadonlySet<string> {
  commonPasswords ??= new Set(
    brotliDecompressSync(Buffer.from(commonPasswordsPacked, 'base64')).toString('utf8').split('\n'),
  );
  return commonPasswords;
}

const digestForm = /^sha256:([0-9a-f]{64})$/i;
const digestOf = (password: string) => createHash('sha256').update(password).digest('hex');

/** The ways in which people write one word: as it is, in small letters, in capitals, with one capital. */
function spellings(word: string): string[] {
  const small = word.toLowerCase();
  return [word, small, word.toUpperCase(), `${small.slice(0, 1).toUpperCase()}${small.slice(1)}`];
}

function digestsOfCommon(): ReadonlySet<string> {
  commonDigests ??= new Set([...common()].flatMap((password) => spellings(password).map(digestOf)));
  return commonDigests;
}

function isCommon(password: string): boolean {
  const digest = digestForm.exec(password)?.[1]?.toLowerCase();
  if (digest !== undefined) return digestsOfCommon().has(digest);
  // One character again and again is among the most common ones at any length.
  return common().has(password.toLowerCase()) || new Set(password.toLowerCase()).size === 1;
}

function wordsAbout(owner: PasswordOwner): string[] {
  const { username, email, full_name, first_name, last_name } = owner;
  const bothNames = first_name && last_name ? `${first_name} ${last_name}` : undefined;
  const words = [username, email, email?.split('@')[0], full_name, first_name, last_name, bothNames];
  return words.flatMap((word) => (word ? [word, word.replaceAll(' ', '')] : []));
}

function isAbout(password: string, owner: PasswordOwner): boolean {
  const folded = (text: string) => text.normalize('NFKC').toLowerCase().trim();
  const digest = digestForm.exec(password)?.[1]?.toLowerCase();
  return wordsAbout(owner).some((word) =>
    digest === undefined ? folded(word) === folded(password) : spellings(word).map(digestOf).includes(digest),
  );
}

/**
 * Why a password is not good enough; undefined for a good one. Some clients send `sha256:` and the digest of what was typed:
 * then the digest is the password, and one of a bad password is refused like that password.
 */
export function passwordProblem(password: string, owner: PasswordOwner): { msg: string; type: string } | undefined {
  if (isAbout(password, owner)) return { msg: 'must not be your own name or address', type: 'password_is_own_name' };
  if (isCommon(password)) return { msg: 'is one of the most common passwords', type: 'password_is_common' };
  return undefined;
}
