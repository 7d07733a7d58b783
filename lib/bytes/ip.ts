/**
 * Socket addresses as text (`192.0.2.1:443`, `[2001:db8::1]:443`) and as bytes.
 *
 * @module
 */

/** An IP address and a port. */
export interface SocketAddress {
  /** 4 or 16 bytes in network order. */
  ip: Uint8Array;
  /** 0 to 65535. */
  port: number;
}

/** Reads `IP:PORT`; `undefined` when it is none. Names and scope ids (`%eth0`) are none. */
export function parseSocketAddress(text: string): SocketAddress | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([0-9.]+)):([0-9]{1,5})$/i.exec(text);
  if (match === null) return undefined;
  const port = Number(match[3]);
  const ip = parseIp(match[1] ?? match[2] ?? "", match[1] !== undefined);
  return ip === undefined || port > 0xffff ? undefined : { ip, port };
}

/** The address as Rust and URLs write it: IPv6 in brackets, in the short form of RFC 5952. */
export function formatSocketAddress(address: SocketAddress): string {
  return address.ip.length === 4
    ? `${formatIp(address.ip)}:${address.port}`
    : `[${formatIp(address.ip)}]:${address.port}`;
}

/** Reads an IP address without brackets: 4 or 16 bytes, or `undefined`. */
export function parseIp(text: string, v6 = text.includes(":")): Uint8Array | undefined {
  if (!v6) {
    const parts = text.split(".");
    if (parts.length !== 4) return undefined;
    const bytes = parts.map((part) => /^(0|[1-9][0-9]{0,2})$/.test(part) ? Number(part) : 256);
    return bytes.some((byte) => byte > 255) ? undefined : Uint8Array.from(bytes);
  }
  // The URL standard's parser settles what an IPv6 address is, and gives one form of it.
  const url = URL.parse(`http://[${text}]/`);
  if (url === null || text.includes("]") || text.includes("/")) return undefined;
  const [head = "", tail] = url.hostname.slice(1, -1).split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length;
  const groups = [...left, ...new Array<string>(zeros).fill("0"), ...right];
  return Uint8Array.from(groups.flatMap((group) => {
    const value = parseInt(group, 16);
    return [value >> 8, value & 0xff];
  }));
}

/** An IP address without brackets, IPv6 in the form of RFC 5952. */
export function formatIp(ip: Uint8Array): string {
  if (ip.length === 4) return ip.join(".");
  if (ip.length !== 16) throw new RangeError(`an IP address has 4 or 16 bytes, not ${ip.length}`);
  if (isV4Mapped(ip)) return `::ffff:${ip.subarray(12).join(".")}`;
  const groups: string[] = [];
  for (let i = 0; i < 16; i += 2) {
    groups.push((((ip[i] ?? 0) << 8) | (ip[i + 1] ?? 0)).toString(16));
  }
  return new URL(`http://[${groups.join(":")}]/`).hostname.slice(1, -1);
}

/** Whether only this machine can be reached by the address: 127.0.0.0/8, ::1, and ::ffff:127.… */
export function isLoopback(ip: Uint8Array): boolean {
  if (ip.length === 4) return ip[0] === 127;
  if (isV4Mapped(ip)) return ip[12] === 127;
  return ip.every((byte, i) => byte === (i === 15 ? 1 : 0));
}

function isV4Mapped(ip: Uint8Array): boolean {
  return ip.subarray(0, 10).every((byte) => byte === 0) && ip[10] === 0xff && ip[11] === 0xff;
}
