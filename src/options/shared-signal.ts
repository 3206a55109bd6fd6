import { setMaxListeners } from "node:events";

/**
 * Lets any number of readers listen to one signal, such as that of a shutdown. Without this, Node warns of a leak from the
 * eleventh listener on.
 */
export function shared(signal: AbortSignal | undefined): AbortSignal | undefined {
  if (signal !== undefined) setMaxListeners(0, signal);
  return signal;
}
