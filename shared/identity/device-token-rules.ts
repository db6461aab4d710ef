import { createHmac, timingSafeEqual } from 'node:crypto';
import { fromIdBytes, idBytes, toIdBytes } from './id-bytes.ts';

/** A device on which somebody has logged in: it proves nothing but that, and lets its person try while others must wait. */
export interface KnownDevice {
  user_id: string;
  device_id: string;
  expires_at_ms: number;
}

const prefix = 'lyd_';
const label = 'lyceum device token';
const timeBytes = 6;
const claimBytes = 2 * idBytes + timeBytes;
const macBytes = 32;

function macOf(key: Buffer, claim: Buffer): Buffer {
  return createHmac('sha256', key).update(label).update(claim).digest();
}

export function makeDeviceToken(key: Buffer, device: KnownDevice): string {
  const expires = Buffer.alloc(timeBytes);
  expires.writeUIntBE(Math.floor(device.expires_at_ms / 1000), 0, timeBytes);
  const claim = Buffer.concat([toIdBytes(device.user_id), toIdBytes(device.device_id), expires]);
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
    user_id: fromIdBytes(claim.subarray(0, idBytes)),
    device_id: fromIdBytes(claim.subarray(idBytes, 2 * idBytes)),
    expires_at_ms: expiresAtMs,
  };
}
