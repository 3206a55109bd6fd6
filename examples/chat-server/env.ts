import type { HttpBindings } from "@hono/node-server";
import type { Session } from "langchain-redis-sessions";
import type { JwtIdentity } from "langchain-redis-sessions/http";

/** What the handlers of a request find in Hono's context. */
export interface Env {
  Bindings: Partial<HttpBindings>;
  Variables: {
    /** Behind `signedIn` and `inSession`. */
    user: JwtIdentity;
    /** Behind `inSession`. */
    session: Session;
  };
}
