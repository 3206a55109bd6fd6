export type { GraphLike, RunnableWithSessionFields } from "./options.js";
export { RunnableWithSession } from "./runnable-with-session.js";
