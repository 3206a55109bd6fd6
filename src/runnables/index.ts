export type { GraphLike, RunnableWithSessionFields, WithHistories, WithSessions } from "./options.js";
export { RunnableWithSession } from "./runnable-with-session.js";
