import type { Duration } from "langchain-redis-sessions";
import { z } from "zod";
import { isLoopback } from "./hosts.js";

// All settings come from the environment; README.md has a table of them. What is wrong with them is said at once, all of
// it, and nothing is started.

export type Config = z.output<typeof schema>;

/** @throws ConfigError */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  // `PORT= npm start` means: as if it were not set.
  const set = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ""));
  const parsed = schema.safeParse(set);
  if (parsed.success) return parsed.data;
  throw new ConfigError(parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`));
}

export class ConfigError extends Error {
  override readonly name = "ConfigError";

  constructor(faults: readonly string[]) {
    super(faults.join("\n"));
  }
}

const units = { s: 1, m: 60, h: 3_600, d: 86_400 } as const;

/** In seconds, whatever unit it was given in. */
const duration = z
  .string()
  .regex(/^\d+[smhd]$/, "use a length of time such as 30s, 15m, 4h or 7d")
  .transform((text): Extract<Duration, number> => {
    const unit = text.at(-1) as keyof typeof units;
    return Number(text.slice(0, -1)) * units[unit];
  })
  .refine((seconds) => seconds > 0, "use more than 0");

/** What a timer waits for: more than 24 days overflow it, and it fires at once. */
const wait = duration.refine((seconds) => seconds <= units.d, "use at most 1d");

const count = (least: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/, "use a whole number")
    .transform(Number)
    .refine((number) => number >= least, `use at least ${least}`);

/** `1`: how many proxies there are; or their addresses: `10.0.0.0/8,fd00::/8`. */
const proxies = z.string().transform((text) => {
  if (/^[1-9]\d*$/.test(text)) return { trustedProxies: Number(text) };
  return { trustedProxies: text.split(",").map((range) => range.trim()) };
});

function isRedisUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname } = new URL(text);
  return /^rediss?:$/.test(protocol) && hostname !== "";
}

/** A name as URLs spell it, without a port. A pattern is none. */
const isHostName = (name: string): boolean =>
  /^[\w.[\]:-]+$/.test(name) && URL.canParse(`http://${name}`) && new URL(`http://${name}`).hostname === name;

/** `chat.example.com,chat.example.org` */
const hosts = z
  .string()
  .transform((text) => text.split(",").map((name) => name.trim().toLowerCase()))
  .refine((names) => names.every(isHostName), "use host names without scheme and port, such as chat.example.com");

/** The value of Strict-Transport-Security. */
const transportSecurity = z
  .string()
  .regex(/^\d+d(?:,includeSubDomains)?$/, "use a number of days, such as 365d, or 365d,includeSubDomains")
  .transform((text) => {
    const [days = "", ...more] = text.split(",");
    return [`max-age=${Number(days.slice(0, -1)) * units.d}`, ...more].join("; ");
  });

/** A secret of 32 bytes. */
const signInKey = z
  .string()
  .regex(/^[\w-]{43}$/, "use 32 random bytes in base64url: openssl rand 32 | basenc --base64url | tr -d =")
  .transform((text): Uint8Array => Buffer.from(text, "base64url"));

/** Over http everybody on the way could read and change what is sent. */
const webAddress = z
  .string()
  .refine((text) => URL.canParse(text), "use an address such as https://id.example.com")
  .transform((text) => new URL(text))
  .refine(
    ({ protocol, hostname }) => protocol === "https:" || (protocol === "http:" && isLoopback(hostname)),
    "use https; http is for this machine only",
  );

const schema = z
  .object({
    PORT: count(0)
      .refine((port) => port <= 65_535, "use a port, at most 65535")
      .prefault("3000"),
    HOST: z.string().default("127.0.0.1"),
    REDIS_URL: z.string().refine(isRedisUrl, "use redis://host:6379, or rediss:// for TLS").optional(),
    PUBLIC_HOSTS: hosts.optional(),
    HSTS: transportSecurity.optional(),
    DATA_DIR: z.string().default(".data"),
    KEY_PREFIX: z.string().default("chat"),
    IDLE_TIMEOUT: duration.prefault("30m"),
    LIFETIME: duration.prefault("7d"),
    CONVERSATION_TTL: duration.prefault("30d"),
    MAX_SESSIONS_PER_USER: count(1).prefault("5"),
    SIGN_IN_LIFETIME: duration.prefault("1h"),
    SIGN_IN_KEY: signInKey.optional(),
    PUBLIC_URL: webAddress.optional(),
    OIDC_ISSUER: webAddress.optional(),
    OIDC_CLIENT_ID: z.string().optional(),
    OIDC_CLIENT_SECRET: z.string().optional(),
    MAX_AUTHENTICATION_AGE: duration.prefault("15m"),
    TURNS_PER_MINUTE: count(1).prefault("20"),
    REQUESTS_PER_MINUTE: count(1).prefault("300"),
    MAX_STREAMS_PER_USER: count(1).prefault("20"),
    MAX_BODY_BYTES: count(1).prefault("65536"),
    WINDOW_MESSAGES: count(2).prefault("50"),
    TURN_TIMEOUT: wait.prefault("2m"),
    TURN_WAIT: wait.prefault("15s"),
    SHUTDOWN_TIMEOUT: wait.prefault("10s"),
    HEARTBEAT: wait.prefault("15s"),
    MODEL_PACE: count(0).prefault("30"),
    MODEL_DELAY: count(0).prefault("0"),
    TRUSTED_PROXIES: proxies.optional(),
  })
  .refine(({ IDLE_TIMEOUT, TURN_TIMEOUT }) => IDLE_TIMEOUT > TURN_TIMEOUT, {
    path: ["IDLE_TIMEOUT"],
    message: "use more than TURN_TIMEOUT: a session must not end while it waits for an answer",
  })
  .refine(({ LIFETIME, CONVERSATION_TTL }) => CONVERSATION_TTL >= LIFETIME, {
    path: ["CONVERSATION_TTL"],
    message: "use at least LIFETIME: a live session needs its conversation",
  })
  .refine(
    ({ OIDC_ISSUER, OIDC_CLIENT_ID, OIDC_CLIENT_SECRET, PUBLIC_URL }) =>
      OIDC_ISSUER === undefined || ![OIDC_CLIENT_ID, OIDC_CLIENT_SECRET, PUBLIC_URL].includes(undefined),
    { path: ["OIDC_ISSUER"], message: "set OIDC_CLIENT_ID, OIDC_CLIENT_SECRET and PUBLIC_URL too" },
  );
