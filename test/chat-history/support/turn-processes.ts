import { type LineProcess, startLineProcess } from "../../support/line-process.js";
import type { Address } from "../../support/start-servers.js";

export interface TurnOrder extends Address {
  readonly sessionId: string;
  readonly leaseMilliseconds: number;
}

export interface TurnReport {
  /** `"stored"`, or the reason of the ConversationBusyError. */
  readonly outcome: string;
}

/** A process that holds the lease of a conversation, and stores its turn when it is told to. */
export async function holdingProcess(order: TurnOrder): Promise<LineProcess> {
  const holder = startLineProcess(new URL("turn-process.ts", import.meta.url));
  holder.say(order);
  await holder.hear();
  return holder;
}
