import { BlockList, isIP, SocketAddress } from "node:net";
import * as z from "../options/schema.js";
import { InvalidOptionError } from "../errors.js";
import { countSchema, validate } from "../options/validation.js";
import { withoutPadding } from "./padding.js";
import { once } from "../options/once.js";

/**
 * The source of the client's address. By default, the address is that of the connection, if the framework provides it.
 * Headers are ignored by default, because any client can send them.
 *
 * Behind proxies, configure which of them to trust:
 * - `{ trustedProxies: 1 }`: one proxy, which appends the address of its client to `X-Forwarded-For`. Your server must
 *   be reachable only through the proxy.
 * - `{ trustedProxies: ["10.0.0.0/8", "fd00::/8"] }`: every proxy with such an address. Requires the address of the
 *   connection.
 * - a function that takes the request, and the address of the connection if it is known.
 */
export type ClientAddress =
  | TrustedProxies
  | ((request: Request, peerAddress: string | undefined) => string | undefined);

/** The proxies whose forwarding header is trusted. */
export interface TrustedProxies {
  /** The number of proxies in a row, or their addresses and ranges (CIDR). */
  readonly trustedProxies: number | readonly string[];
  /**
   * The header that each proxy appends to or overwrites.
   * @default "X-Forwarded-For"
   */
  readonly header?: string | undefined;
}

/**
 * Returns the client's address, or `undefined` if it is not known. With strict address binding, a request with an
 * unknown address is refused.
 */
export type AddressReader = (request: Request, peerAddress: string | undefined) => string | undefined;

const schema = once(() =>
  z.strictObject(
    {
      trustedProxies: z.union(
        [countSchema(), z.check(z.array(z.string()), z.minLength(1))],
        'use the number of proxies (at least 1) or an array of their addresses, such as ["10.0.0.0/8"]',
      ),
      header: z._default(
        z.check(z.string("use a string"), z.regex(/^[\w-]+$/, "use the name of a header")),
        "X-Forwarded-For",
      ),
    },
    "use { trustedProxies } or a function",
  ),
);

export function parseClientAddress(source: ClientAddress | undefined): AddressReader {
  if (source === undefined) return (_request, peer) => normalAddress(peer);
  if (typeof source === "function") return (request, peer) => normalAddress(source(request, normalAddress(peer)));
  const { trustedProxies, header } = validate(schema(), "clientAddress", source);
  // Each proxy appends the address of its own client. Only the last entries come from trusted proxies.
  const forwarded = (request: Request): string[] => request.headers.get(header)?.split(",") ?? [];
  if (typeof trustedProxies === "number") {
    return (request) => normalAddress(forwarded(request).at(-trustedProxies));
  }
  const trusted = rangesOf(trustedProxies);
  return (request, peer) => {
    let address = normalAddress(peer);
    for (const next of forwarded(request).toReversed()) {
      if (address === undefined || !trusted.check(address, family(address))) return address;
      address = normalAddress(next);
    }
    return address;
  };
}

/** Returns the ranges as a `BlockList` of Node, which compares IPv4 and IPv6 addresses without a dependency. */
function rangesOf(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [, base = "", length] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(range) ?? [];
    const address = normalAddress(base);
    const bits = address === undefined ? 0 : isIP(address) === 6 ? 128 : 32;
    const prefix = length === undefined ? bits : Number(length);
    // The prefix length of an IPv4-mapped IPv6 address is ambiguous: it may count 32 or 128 bits.
    if (address === undefined || prefix > bits || (length !== undefined && isIP(base) !== isIP(address))) {
      throw new InvalidOptionError("clientAddress.trustedProxies", "use addresses or ranges, such as 10.0.0.0/8.");
    }
    list.addSubnet(address, prefix, family(address));
  }
  return list;
}

/**
 * Returns the one spelling of an address that sessions are compared by, or `undefined` if the text is not an address.
 * The spelling has no port, brackets or zone. IPv6 is shortened, and an IPv4-mapped address, which a dual-stack socket
 * reports, becomes IPv4.
 */
function normalAddress(text: string | undefined): string | undefined {
  const given = withoutPadding(text ?? "");
  const [, bracketed, dotted] = /^(?:\[([^\]]*)\](?::\d+)?|(\d+\.\d+\.\d+\.\d+):\d+)$/.exec(given) ?? [];
  const bare = bracketed ?? dotted ?? given;
  if (isIP(bare) !== 6) return isIP(bare) === 4 ? bare : undefined;
  const { address } = new SocketAddress({ address: bare, family: "ipv6" });
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice("::ffff:".length) : address;
}

function family(address: string): "ipv4" | "ipv6" {
  return isIP(address) === 6 ? "ipv6" : "ipv4";
}
