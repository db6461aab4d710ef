import { createHash } from 'node:crypto';
import type { BatchOperation, BatchRefusal, Container } from '../adapters/cosmos/container.ts';
import type { FactorDocument, PasskeyOwnerDocument } from './factor-schemas.ts';

const pk = 'accounts';

/** The second factors of accounts. What changes together with the account goes into the batch of `Accounts.replace`. */
export interface Factors {
  find(userId: string): Promise<FactorDocument | undefined>;
  findPasskeyOwner(credentialId: string): Promise<string | undefined>;
  /** Writes over the version that was read, or anew; refused when somebody else wrote in between. */
  operation(factor: FactorDocument): BatchOperation;
  write(factor: FactorDocument, more: readonly BatchOperation[]): Promise<BatchRefusal | undefined>;
  /** Refused with 409 when the passkey belongs to an account already. */
  claimPasskey(credentialId: string, userId: string): BatchOperation;
  releasePasskey(credentialId: string): BatchOperation;
}

/** Credential ids can be longer than a document id may be. */
function ownerId(credentialId: string): string {
  return `passkey:${createHash('sha256').update(credentialId).digest('base64url')}`;
}

function operation(factor: FactorDocument): BatchOperation {
  const { _etag: etag, ...doc } = factor;
  return etag === undefined ? { op: 'create', doc } : { op: 'replace', doc, etag };
}

export function createFactors(container: Container): Factors {
  return {
    find: (userId) => container.read<FactorDocument>(`factor:${userId}`, pk),
    async findPasskeyOwner(credentialId) {
      return (await container.read<PasskeyOwnerDocument>(ownerId(credentialId), pk))?.user_id;
    },
    operation,
    write: (factor, more) => container.tryBatch(pk, [operation(factor), ...more]),
    claimPasskey(credentialId, userId) {
      const doc: PasskeyOwnerDocument = {
        id: ownerId(credentialId),
        pk,
        type: 'passkey_owner',
        schema_version: 1,
        user_id: userId,
      };
      return { op: 'create', doc };
    },
    releasePasskey: (credentialId) => ({ op: 'remove', id: ownerId(credentialId) }),
  };
}
