import { z } from "zod";
import type { SessionStore } from "../sessions/store.js";
import { type Duration, durationSchema } from "../options/duration.js";
import { validate } from "../options/validation.js";
import { type AddressReader, type ClientAddress, parseClientAddress } from "./client-address.js";
import type { Identity } from "./identity.js";
import type { Problem } from "./problem.js";
import { parseTransport, type SessionTransport, type TokenCarrier } from "./transport.js";

/** In the place of an agent's id: a session with any agent will do, as for a list of conversations. */
export const anyAgent: unique symbol = Symbol("any agent");

/** What every guard needs, whatever the framework. */
export interface GuardSettings {
  /** Verifies the sessions. */
  sessions: Pick<SessionStore, "verify">;
  /**
   * How the session token travels; see {@link SessionTransport}.
   * @default "header"
   */
  transport?: SessionTransport | undefined;
  /**
   * Where the client's address comes from; see {@link ClientAddress}. Matters where `addressBinding` is `"strict"`.
   * Absent, the connection's own address, as far as it is known.
   */
  clientAddress?: ClientAddress | undefined;
  /**
   * How long ago the user may have proved who they are, by `authenticatedAt` of the identity and this process' clock;
   * older, or not known, is a 401 that asks for a new sign-in (RFC 9470). For a second guard before what a session left
   * open must not do: ending the user's other sessions, erasing them.
   * @default any time ago
   */
  maxAuthenticationAge?: Duration | undefined;
  /**
   * Is told of every denial, for a log say, and may answer it differently: a uniform 401 that does not tell a stranger
   * whether a session exists. `undefined` sends `denial.response`. What it throws, the guard throws.
   */
  onDenied?: ((denial: Denial) => Response | undefined | Promise<Response | undefined>) | undefined;
}

/** Options of {@link sessionGuard}. */
export interface SessionGuardOptions<User extends Identity = Identity> extends GuardSettings {
  /**
   * Who sent the request: {@link jwtAuthenticator}, or a function of your own. `null` or `undefined` is answered with
   * 401, as is what jose and jsonwebtoken throw for a bad token; an AuthenticationUnavailableError with 503. Anything
   * else that it throws, the guard throws: nobody is let in, and your framework reports it.
   */
  authenticate: (request: Request) => User | null | undefined | Promise<User | null | undefined>;
  /** Which agent requests are for, where `agentId` is not passed with each. */
  agentId?: ExpectedAgent<Request> | undefined;
}

/** An agent's id, {@link anyAgent}, or a function of the request that finds it. */
export type ExpectedAgent<Source> = string | typeof anyAgent | ((request: Source) => string | typeof anyAgent);

/** A request that is about to be refused. */
export interface Denial {
  readonly request: Request;
  readonly problem: Problem;
  /** What is answered unless `onDenied` returns something else. */
  readonly response: Response;
  /** What was thrown, if anything. It holds no secret of the session; it is not for the client. */
  readonly error?: unknown;
}

/** The options, checked. */
export interface GuardParts {
  readonly sessions: Pick<SessionStore, "verify">;
  readonly carrier: TokenCarrier;
  readonly addressOf: AddressReader;
  readonly onDenied: GuardSettings["onDenied"];
  readonly maxAuthenticationSeconds: number | undefined;
}

const callable = z.custom<never>((value) => typeof value === "function", "use a function");
const agentSchema = z.custom<never>(
  (value) => typeof value === "string" || typeof value === "function" || value === anyAgent,
  "use the id of an agent, anyAgent, or a function that finds it",
);
const schema = z.strictObject(
  {
    sessions: z.custom<GuardSettings["sessions"]>(
      (value) => typeof (value as Partial<SessionStore> | null | undefined)?.verify === "function",
      "pass a SessionStore",
    ),
    authenticate: callable,
    transport: z.custom<SessionTransport>(() => true).default("header"),
    clientAddress: z.custom<ClientAddress>(() => true).optional(),
    maxAuthenticationAge: durationSchema().optional(),
    onDenied: callable.optional(),
    agentId: agentSchema.optional(),
  },
  "pass an object with sessions and authenticate",
);

export function parseGuardOptions(options: GuardSettings): GuardParts {
  const { sessions, transport, clientAddress, maxAuthenticationAge: age } = validate(schema, "options", options);
  return {
    sessions,
    carrier: parseTransport(transport),
    addressOf: parseClientAddress(clientAddress),
    onDenied: options.onDenied,
    maxAuthenticationSeconds: age === undefined ? undefined : age / 1_000,
  };
}
