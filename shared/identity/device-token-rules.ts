import { createHmac, timingSafeEqual } from 'node:crypto';

/** A device on which somebody has logged in: it proves nothing but that, and lets its person try while others must wait. */
export interface KnownDevice {
  user_id: string;
  device_id: string;
  expires_at_ms: number;
}

const prefix = 'lyd_';
const label = 'lyceum device token';
const idBytes = 16;
const timeBytes = 6;
const claimBytes = 2 * idBytes + timeBytes;
const macBytes = 32;

const toBytes = (uuid: string) => Buffer.from(uuid.replaceAll('-', ''), 'hex');
const toUuid = (bytes: Buffer) => bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');

function macOf(key: Buffer, claim: Buffer): Buffer {
  return createHmac('sha256', key).update(label).update(claim).digest();
}

export function makeDeviceToken(key: Buffer, device: KnownDevice): string {
  const expires = Buffer.alloc(timeBytes);
  expires.writeUIntBE(Math.floor(device.expires_at_ms / 1000), 0, timeBytes);
  const claim = Buffer.concat([toBytes(device.user_id), toBytes(device.device_id), expires]);
  return prefix + Buffer.concat([claim, macOf(key, claim)]).toString('base64url');
}

/** Undefined for what we did not make and for what has expired. */
export function readDeviceToken(key: Buffer, text: string, nowMs: number): KnownDevice | undefined {
  const bytes = Buffer.from(text.slice(prefix.length), 'base64url');
  if (!text.startsWith(prefix) || bytes.length !== claimBytes + macBytes) return undefined;
  const claim = bytes.subarray(0, claimBytes);
  if (!timingSafeEqual(bytes.subarray(claimBytes), macOf(key, claim))) return undefined;
  const expiresAtMs = claim.readUIntBE(2 * idBytes, timeBytes) * 1000;
  if (nowMs >= expiresAtMs) return undefined;
  return {
    user_id: toUuid(claim.subarray(0, idBytes)),
    device_id: toUuid(claim.subarray(idBytes, 2 * idBytes)),
    expires_at_ms: expiresAtMs,
  };
}
