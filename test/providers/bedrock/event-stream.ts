import { EventStreamCodec } from "@smithy/core/event-streams";
import type { Frame } from "../support/api.js";

const codec = new EventStreamCodec(
  (bytes) => Buffer.from(bytes as Uint8Array).toString("utf8"),
  (text) => Buffer.from(text, "utf8"),
);

/** An event in the binary form of AWS. */
export function event(type: string, body: object, kind = type): Frame {
  return { kind, bytes: encoded({ ":message-type": "event", ":event-type": type }, body) };
}

export function exception(kind: string, body: object): Frame {
  return { kind, bytes: encoded({ ":message-type": "exception", ":exception-type": kind }, body) };
}

function encoded(names: Readonly<Record<string, string>>, body: object): Uint8Array {
  const headers = Object.fromEntries(
    Object.entries({ ...names, ":content-type": "application/json" }).map(([name, value]) => [
      name,
      { type: "string" as const, value },
    ]),
  );
  return codec.encode({ headers, body: Buffer.from(JSON.stringify(body)) });
}
