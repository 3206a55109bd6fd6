import { BlockList, isIP, SocketAddress } from "node:net";
import { z } from "zod";
import { InvalidOptionError } from "../errors.js";
import { countSchema, validate } from "../options/validation.js";
import { withoutPadding } from "./padding.js";

/**
 * Where the client's address comes from. Absent, it is that of the connection, as far as the framework tells it; headers
 * are not looked at, because whoever connects can send any.
 *
 * Behind proxies, say which of them to believe:
 * - `{ trustedProxies: 1 }`: one proxy, which appends the address it sees to `X-Forwarded-For`. Your server must be
 *   reachable through it only.
 * - `{ trustedProxies: ["10.0.0.0/8", "fd00::/8"] }`: whatever connects from there; needs the connection's address.
 * - a function of the request, and of the connection's address where it is known.
 */
export type ClientAddress =
  | TrustedProxies
  | ((request: Request, peerAddress: string | undefined) => string | undefined);

export interface TrustedProxies {
  /** How many there are in a row, or the addresses and ranges (CIDR) that they have. */
  readonly trustedProxies: number | readonly string[];
  /**
   * The header that each of them appends to, or overwrites.
   * @default "X-Forwarded-For"
   */
  readonly header?: string | undefined;
}

/** `undefined`: not known. Strict address binding then lets nobody in. */
export type AddressReader = (request: Request, peerAddress: string | undefined) => string | undefined;

const schema = z.strictObject(
  {
    trustedProxies: z.union(
      [countSchema, z.array(z.string()).min(1)],
      'use how many proxies there are, at least 1, or an array of their addresses, such as ["10.0.0.0/8"]',
    ),
    header: z
      .string("use a string")
      .regex(/^[\w-]+$/, "use the name of a header")
      .default("X-Forwarded-For"),
  },
  "use { trustedProxies } or a function",
);

export function parseClientAddress(source: ClientAddress | undefined): AddressReader {
  if (source === undefined) return (_request, peer) => normalAddress(peer);
  if (typeof source === "function") return (request, peer) => normalAddress(source(request, normalAddress(peer)));
  const { trustedProxies, header } = validate(schema, "clientAddress", source);
  // Oldest first: each proxy appends whom it was called by, so only the end of the list was written by one of ours.
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

/** Node's own list does what is needed, in both families, without a dependency. */
function rangesOf(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [, base = "", length] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(range) ?? [];
    const address = normalAddress(base);
    const bits = address === undefined ? 0 : isIP(address) === 6 ? 128 : 32;
    const prefix = length === undefined ? bits : Number(length);
    // Of a mapped address with a length it is not clear which of the two is meant.
    if (address === undefined || prefix > bits || (length !== undefined && isIP(base) !== isIP(address))) {
      throw new InvalidOptionError("clientAddress.trustedProxies", "use addresses or ranges, such as 10.0.0.0/8.");
    }
    list.addSubnet(address, prefix, family(address));
  }
  return list;
}

/**
 * One spelling per address, so that texts can be compared: without port, brackets and zone, IPv6 in its short form, and
 * IPv4 as such where a dual-stack socket shows it as IPv6. `undefined` for what is no address.
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
