export type { SessionMiddlewareOptions } from "./options.js";
export { sessionMiddleware } from "./session-middleware.js";
