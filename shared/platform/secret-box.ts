import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

/** Keeps short secrets unreadable in the database. */
export interface SecretBox {
  /** `owner` is bound to the text: what was sealed for one can be opened for no other. */
  seal(text: string, owner: string): string;
  /** Throws for a text that was changed, sealed with another key or for another owner. */
  open(sealed: string, owner: string): string;
}

const version = 'v1';
const ivBytes = 12;
const tagBytes = 16;

/**
 * AES-256-GCM with a new nonce each time, under a key of 32 bytes. A sealed text is `v1.<nonce, ciphertext and tag in
 * base64url>`, so that another scheme can follow beside it.
 */
export function createSecretBox({ key }: { key: Buffer }): SecretBox {
  return {
    seal(text, owner) {
      const iv = randomBytes(ivBytes);
      const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(owner));
      const sealed = Buffer.concat([iv, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
      return `${version}.${sealed.toString('base64url')}`;
    },
    open(sealed, owner) {
      const [scheme, text = ''] = sealed.split('.');
      const bytes = Buffer.from(text, 'base64url');
      if (scheme !== version || bytes.length < ivBytes + tagBytes) throw new Error('This is no sealed text.');
      const end = bytes.length - tagBytes;
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, ivBytes), { authTagLength: tagBytes })
        .setAAD(Buffer.from(owner))
        .setAuthTag(bytes.subarray(end));
      return Buffer.concat([decipher.update(bytes.subarray(ivBytes, end)), decipher.final()]).toString('utf8');
    },
  };
}
