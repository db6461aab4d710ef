export const idBytes = 16;

/** The sixteen bytes of an identifier, for tokens that carry some; throws a `TypeError` for what is no UUID. */
export function toIdBytes(id: string): Buffer {
  const bytes = Buffer.from(id.replaceAll('-', ''), 'hex');
  if (bytes.length !== idBytes) throw new TypeError('A token is made for a UUID.');
  return bytes;
}

export function fromIdBytes(bytes: Buffer): string {
  return bytes.toString('hex').replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, '$1-$2-$3-$4-$5');
}
