import { hkdfSync } from 'node:crypto';

/**
 * One secret in the settings, and a key of its own for each use: what is made for one use is worth nothing in another, and
 * nobody learns one key from another. `use` is the same for ever, or what was made before cannot be read any more.
 */
export function deriveKey(secret: string, use: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', `lyceum ${use}`, 32));
}
