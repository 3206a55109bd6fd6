export { answerResponse, type AnswerResponseOptions } from "./answer-response.js";
export type { Admitted, Authenticated, Refused } from "./checks.js";
export type { ClientAddress, TrustedProxies } from "./client-address.js";
export { type GuardedRequest, type SessionGuard, sessionGuard } from "./guard.js";
export {
  anyAgent,
  type Denial,
  type ExpectedAgent,
  type GuardSettings,
  type SessionGuardOptions,
} from "./guard-options.js";
export { AuthenticationUnavailableError, type Identity } from "./identity.js";
export { jwtAuthenticator, type JwtIdentity } from "./jwt-authenticator.js";
export type { JwtAlgorithm, JwtAuthenticatorOptions, JwtKey } from "./jwt-options.js";
export { type Problem, type ProblemCode, problemOf, problemResponse } from "./problem.js";
export type { CookieTransport, SessionTransport } from "./transport.js";
