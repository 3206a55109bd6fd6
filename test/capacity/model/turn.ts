import { at, type Call, calls, type CallParameters, type Linear, type Parameters } from "./parameters.js";

/** What a turn carries. */
export interface TurnShape {
  readonly readMessages: number;
  readonly readBytes: number;
  readonly appendedMessages: number;
  readonly appendedBytes: number;
}

/** What a turn costs the servers: a verify, a read of the conversation, an append. */
export interface TurnCost {
  readonly cpuMicroseconds: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

export function costOfTurn(shape: TurnShape, { calls: measured }: Parameters): TurnCost {
  const sum = (what: keyof CallParameters): number => sumOfTurn(shape, (call) => measured[call][what]);
  return { cpuMicroseconds: sum("cpuMicroseconds"), bytesIn: sum("bytesIn"), bytesOut: sum("bytesOut") };
}

/** What the calls of a turn take together. */
export function sumOfTurn(shape: TurnShape, of: (call: Call) => Linear): number {
  const carried: Record<Call, readonly [items: number, bytes: number]> = {
    verify: [0, 0],
    read: [shape.readMessages, shape.readBytes],
    append: [shape.appendedMessages, shape.appendedBytes],
  };
  return calls.reduce((total, call) => total + at(of(call), ...carried[call]), 0);
}
