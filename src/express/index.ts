export { type ExpressSession, expressSession, type ExpressSessionOptions, sessionProblems } from "./express-session.js";
export {
  anyAgent,
  type ClientAddress,
  type Denial,
  type Identity,
  jwtAuthenticator,
  type SessionTransport,
} from "../http/index.js";
