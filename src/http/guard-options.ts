import * as z from "../options/schema.js";
import type { SessionStore } from "../sessions/store.js";
import { type Duration, durationSchema } from "../options/duration.js";
import { validate } from "../options/validation.js";
import { type AddressReader, type ClientAddress, parseClientAddress } from "./client-address.js";
import type { Identity } from "./identity.js";
import type { Problem } from "./problem.js";
import { parseTransport, type SessionTransport, type TokenCarrier } from "./transport.js";
import { once } from "../options/once.js";

/** Stands for an agent's id where a session with any agent is accepted, for example to list conversations. */
export const anyAgent: unique symbol = Symbol("any agent");

/** Options of every guard, independent of the framework. */
export interface GuardSettings {
  /** The store that verifies the sessions. */
  sessions: Pick<SessionStore, "verify">;
  /**
   * How requests and responses carry the session token. See {@link SessionTransport}.
   * @default "header"
   */
  transport?: SessionTransport | undefined;
  /**
   * The source of the client's address. See {@link ClientAddress}. Matters only if `addressBinding` is `"strict"`.
   * @default the address of the connection, if it is known
   */
  clientAddress?: ClientAddress | undefined;
  /**
   * The longest time since the user signed in, by `authenticatedAt` of the identity and the clock of this process. If
   * the sign-in is older or its time is not known, the guard answers with a 401 that asks for a new sign-in (RFC 9470).
   *
   * Use it in a second guard, for actions that an unattended session must not allow, such as ending the user's other
   * sessions or erasing the user's data.
   * @default no limit
   */
  maxAuthenticationAge?: Duration | undefined;
  /**
   * Called for every refused request, for example to log it. May return another response, such as a uniform 401 that
   * does not reveal whether a session exists. If it returns `undefined`, the guard answers with `denial.response`. The
   * guard rethrows an error of this function.
   */
  onDenied?: ((denial: Denial) => Response | undefined | Promise<Response | undefined>) | undefined;
}

/** Options of {@link sessionGuard}. */
export interface SessionGuardOptions<User extends Identity = Identity> extends GuardSettings {
  /**
   * Returns the user who sent the request: {@link jwtAuthenticator}, or a function of your own. If it returns `null` or
   * `undefined`, or throws an error of jose or jsonwebtoken for a bad token, the guard answers with 401. If it throws
   * an AuthenticationUnavailableError or another error of this library with status 503, the guard answers with 503. The
   * guard rethrows any other error and admits nobody.
   */
  authenticate: (request: Request) => User | null | undefined | Promise<User | null | undefined>;
  /** The agent of the requests for which the call to the guard passes no `agentId`. */
  agentId?: ExpectedAgent<Request> | undefined;
}

/** An agent's id, {@link anyAgent}, or a function that takes the request and returns one of these. */
export type ExpectedAgent<Source> = string | typeof anyAgent | ((request: Source) => string | typeof anyAgent);

/** A refused request, as passed to `onDenied`. */
export interface Denial {
  /** The refused request. */
  readonly request: Request;
  /** The reason for the refusal. */
  readonly problem: Problem;
  /** The response that the client receives unless `onDenied` returns another one. */
  readonly response: Response;
  /** The error that caused the refusal, if any. Contains no secret of the session. Do not send it to the client. */
  readonly error?: unknown;
}

/** The validated options. */
export interface GuardParts {
  readonly sessions: Pick<SessionStore, "verify">;
  readonly carrier: TokenCarrier;
  readonly addressOf: AddressReader;
  readonly onDenied: GuardSettings["onDenied"];
  readonly maxAuthenticationSeconds: number | undefined;
}

const callable = once(() => z.custom<never>((value) => typeof value === "function", "use a function"));
const agentSchema = once(() =>
  z.custom<never>(
    (value) => typeof value === "string" || typeof value === "function" || value === anyAgent,
    "use an agent's id, anyAgent, or a function that returns one of them",
  ),
);
const schema = once(() =>
  z.strictObject(
    {
      sessions: z.custom<GuardSettings["sessions"]>(
        (value) => typeof (value as Partial<SessionStore> | null | undefined)?.verify === "function",
        "pass a SessionStore",
      ),
      authenticate: callable(),
      transport: z._default(
        z.custom<SessionTransport>(() => true),
        "header",
      ),
      clientAddress: z.optional(z.custom<ClientAddress>(() => true)),
      maxAuthenticationAge: z.optional(durationSchema()),
      onDenied: z.optional(callable()),
      agentId: z.optional(agentSchema()),
    },
    "pass an object with sessions and authenticate",
  ),
);

export function parseGuardOptions(options: GuardSettings): GuardParts {
  const { sessions, transport, clientAddress, maxAuthenticationAge: age } = validate(schema(), "options", options);
  return {
    sessions,
    carrier: parseTransport(transport),
    addressOf: parseClientAddress(clientAddress),
    onDenied: options.onDenied,
    maxAuthenticationSeconds: age === undefined ? undefined : age / 1_000,
  };
}
