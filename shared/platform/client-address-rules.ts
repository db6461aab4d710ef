import ipaddr from 'ipaddr.js';

/** The address of a caller that cannot be told. All of them together are limited like one address. */
export const unknownAddress = 'unknown';

/** `address:port` for version 4, `[address]:port` for version 6, or either without the port. */
function withoutPort(text: string): string {
  return /^\[([^\]]+)\](?::\d+)?$/.exec(text)?.[1] ?? /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(text)?.[1] ?? text;
}

/**
 * The caller's address from `X-Forwarded-For`, to which each proxy on the way appends whom it was called by. `hops` is how
 * many proxies are ours: what stands further left was written by the caller, who can write anything. Without a proxy of
 * ours nothing in the header can be believed.
 */
export function clientAddress(forwardedFor: string | null, hops: number): string {
  if (forwardedFor === null || hops === 0) return unknownAddress;
  const text = withoutPort(forwardedFor.split(',').at(-hops)?.trim() ?? '');
  if (!ipaddr.IPv4.isValidFourPartDecimal(text) && !ipaddr.IPv6.isValid(text)) return unknownAddress;
  const address = ipaddr.process(text);
  // A zone says which network card of the proxy it was.
  return address.toString().split('%')[0] ?? unknownAddress;
}

/** What is limited together: of version 6 the /64, because whoever has one address has the other 2^64 of it too; mapped ones are of version 4. */
export function networkOf(address: string): string {
  if (!address.includes(':') || !ipaddr.IPv6.isValid(address)) return address;
  const parsed = ipaddr.process(address);
  if (parsed.kind() === 'ipv4') return parsed.toString();
  return `${parsed.toNormalizedString().split(':').slice(0, 4).join(':')}::`;
}
