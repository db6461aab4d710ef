import ipaddr from 'ipaddr.js';

/** An address, version 4 where it is one (`::ffff:192.0.2.1` is); undefined for what is none. */
function read(address: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  // The short and octal forms of version 4 (`127.1`, `010.0.0.1`) are read differently by different programs.
  if (!address.includes(':') && !ipaddr.IPv4.isValidFourPartDecimal(address)) return undefined;
  if (address.includes('%') || !ipaddr.isValid(address)) return undefined;
  return ipaddr.process(address);
}

interface Range {
  from: ipaddr.IPv4 | ipaddr.IPv6;
  bits: number;
}

const mappedBits = 96;

function readRange(text: string): Range | undefined {
  const [address = '', length, ...more] = text.split('/');
  const from = read(address);
  if (from === undefined || more.length > 0) return undefined;
  const isMapped = from.kind() === 'ipv4' && address.includes(':');
  const longest = from.kind() === 'ipv4' && !isMapped ? 32 : 128;
  if (length !== undefined && (!/^\d{1,3}$/.test(length) || Number(length) > longest)) return undefined;
  const bits = (length === undefined ? longest : Number(length)) - (isMapped ? mappedBits : 0);
  return bits < 0 ? undefined : { from, bits };
}

/** Whether a text is an address or a range in CIDR notation, of version 4 or 6. */
export function isAddressRange(text: string): boolean {
  return readRange(text) !== undefined;
}

/** Whether an address lies within one of the ranges; what is no address lies in none. */
export function isInRanges(address: string, ranges: readonly string[]): boolean {
  const given = read(address);
  if (given === undefined) return false;
  return ranges.some((text) => {
    const range = readRange(text);
    return range !== undefined && range.from.kind() === given.kind() && given.match(range.from, range.bits);
  });
}
