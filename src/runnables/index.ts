export type { TurnOptions } from "../chat-history/turn-options.js";
export type { GraphLike, RunnableWithSessionFields } from "./options.js";
export { RunnableWithSession } from "./runnable-with-session.js";
