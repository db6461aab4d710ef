/**
 * In the bundle, in place of the passkey library's own module of this name, for which it brings a whole ASN.1 library along.
 * A mistake here could only refuse signatures: what comes out is checked against the public key.
 */

/** Bytes of each half of a signature, by the COSE number of the curve (RFC 9053: P-256, P-384, P-521). */
const halfBytes: Readonly<Record<number, number>> = { 1: 32, 2: 48, 3: 66 };

const integerTag = 0x02;
const sequenceTag = 0x30;
const longForm = 0x80;

const wrong = () => new Error('The signature is not a DER sequence of two integers.');

/** One DER element from `at`: what is in it, and where the next one begins. */
function element(bytes: Uint8Array, at: number, tag: number): { content: Uint8Array; end: number } {
  const first = bytes[at + 1];
  if (bytes[at] !== tag || first === undefined) throw wrong();
  // Two integers of at most 67 bytes need one byte of length beyond the short form at most.
  const isLong = first === (longForm | 1);
  const length = isLong ? bytes[at + 2] : first;
  const start = at + (isLong ? 3 : 2);
  if (length === undefined || (first >= longForm && !isLong) || start + length > bytes.length) throw wrong();
  return { content: bytes.subarray(start, start + length), end: start + length };
}

/** The integer without its sign byte, filled up with zeros at the front. */
function half(integer: Uint8Array, length: number): Uint8Array {
  const digits = integer[0] === 0 ? integer.subarray(1) : integer;
  if (integer.length === 0 || digits.length > length) throw wrong();
  const filled = new Uint8Array(length);
  filled.set(digits, length - digits.length);
  return filled;
}

/** An ECDSA signature as Web Crypto takes it (r and s, one after the other) from the DER form that authenticators make. */
export function unwrapEC2Signature(signature: Uint8Array, crv: number): Uint8Array {
  const length = halfBytes[crv];
  if (length === undefined) throw new Error(`Unexpected COSE curve ${crv}.`);
  const { content, end } = element(signature, 0, sequenceTag);
  const r = element(content, 0, integerTag);
  const s = element(content, r.end, integerTag);
  if (end !== signature.length || s.end !== content.length) throw wrong();
  const both = new Uint8Array(length * 2);
  both.set(half(r.content, length), 0);
  both.set(half(s.content, length), length);
  return both;
}
