// P8: a token opens its own session and nothing else does; what is no token costs no call.
import { hash } from "node:crypto";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { InvalidTokenError, type Session, SessionNotFoundError, SessionStore } from "langchain-redis-sessions";
import { faultyProxy, type FaultyProxy } from "langchain-redis-sessions/testing";
import { freshId } from "../support/turns.js";

const MUTATIONS = process.env["LONG"] === "1" ? 100_000 : 5_000;
const BATCH = 500;
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

interface Issued {
  readonly token: string;
  readonly session: Session;
  /** What Redis keeps of the secret. */
  readonly storedHash: string;
}

let proxy: FaultyProxy;
let client: Redis;
let sessions: SessionStore;
const users = [freshId(), freshId(), freshId()];
const issued: Issued[] = [];

beforeAll(async () => {
  proxy = await faultyProxy(inject("servers").single);
  client = new Redis({ port: proxy.port });
  sessions = new SessionStore({ client });
  for (const userId of users) {
    for (let index = 0; index < 3; index++) {
      const { token, session } = await sessions.create({ userId, agentId: "support" });
      const storedHash = await client.hget(`chat:user:{${token.slice(4, 20)}}:session:${session.id}`, "secret");
      issued.push({ token, session, storedHash: storedHash ?? expect.unreachable() });
    }
  }
  // From here on the server knows every script: a call is one request.
  const first = issued[0] ?? expect.unreachable();
  const rotated = await sessions.rotate(first.token);
  issued[0] = {
    ...first,
    token: rotated.token,
    storedHash: hash("sha256", partsOf(rotated.token).secret, "base64url"),
  };
  const { token } = await sessions.create({ userId: freshId(), agentId: "support" });
  await sessions.verify(token);
  await sessions.end(token);
});
afterAll(async () => {
  await client.quit();
  await proxy.close();
});

function partsOf(token: string): { tag: string; id: string; secret: string } {
  return { tag: token.slice(4, 20), id: token.slice(20, 42), secret: token.slice(42, 85) };
}

/** A token as the library would spell it: what someone who has read this source can do. */
function sealed({ tag, id, secret }: ReturnType<typeof partsOf>): string {
  const body = `lrs_${tag}${id}${secret}`;
  return body + hash("sha256", body, "base64url").slice(0, 6);
}

/** Numbers below a bound; the same ones in every run. */
function seeded(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * bound);
  };
}

type Pick = (bound: number) => number;
const anyOf = <Value>(values: readonly Value[], pick: Pick): Value =>
  values[pick(values.length)] ?? expect.unreachable();
const replaced = (text: string, at: number, character: string): string =>
  text.slice(0, at) + character + text.slice(at + 1);
const letters = (length: number, pick: Pick): string =>
  Array.from({ length }, () => alphabet[pick(alphabet.length)]).join("");

/** What accidents and naive attackers make of a token. */
const malformed: Record<string, (token: string, pick: Pick) => string> = {
  "a flipped bit": (token, pick) => {
    const at = pick(token.length);
    return replaced(token, at, String.fromCodePoint(token.charCodeAt(at) ^ (1 << pick(8))));
  },
  "two characters that changed places": (token, pick) => {
    const [first, second] = [pick(token.length), pick(token.length)];
    return replaced(replaced(token, first, token.charAt(second)), second, token.charAt(first));
  },
  "another character": (token, pick) => replaced(token, pick(token.length), letters(1, pick)),
  "a truncation": (token, pick) => (pick(2) ? token.slice(0, pick(token.length)) : token.slice(1 + pick(token.length))),
  "the start of one and the end of another": (token, pick) => {
    const cut = pick(token.length);
    return token.slice(0, cut) + anyOf(issued, pick).token.slice(cut);
  },
  "one behind the other": (token, pick) => token + anyOf(issued, pick).token,
  "something around it": (token, pick) => anyOf([" ", "\n", "\0", "=", '"', "lrs_"], pick) + token,
  "something behind it": (token, pick) => token + anyOf([" ", "\n", "\0", "=", '"', "%00", "A"], pick),
  "another case": (token, pick) => (pick(2) ? token.toUpperCase() : token.toLowerCase()),
};

/** What an attacker makes who knows everything but the secret. */
const forged: Record<string, (of: Issued, pick: Pick) => string> = {
  "a made-up secret": ({ token }, pick) => sealed({ ...partsOf(token), secret: letters(43, pick) }),
  "a secret with one other character": ({ token }, pick) => {
    const parts = partsOf(token);
    const at = pick(43);
    // Another one for certain: drawn from all letters it would be the same one in 64 times, and the token the real one.
    const others = Array.from(alphabet.replace(parts.secret.charAt(at), ""));
    return sealed({ ...parts, secret: replaced(parts.secret, at, anyOf(others, pick)) });
  },
  "another session's id": ({ token }, pick) => sealed({ ...partsOf(token), id: partsOf(anyOf(issued, pick).token).id }),
  "another session's secret": ({ token }, pick) =>
    sealed({ ...partsOf(token), secret: partsOf(anyOf(issued, pick).token).secret }),
  "another user's tag": ({ token }, pick) => sealed({ ...partsOf(token), tag: partsOf(anyOf(issued, pick).token).tag }),
  "a made-up tag": ({ token }, pick) => sealed({ ...partsOf(token), tag: letters(16, pick) }),
  "a made-up id": ({ token }, pick) => sealed({ ...partsOf(token), id: letters(22, pick) }),
  "the stored hash as the secret": ({ token, storedHash }) => sealed({ ...partsOf(token), secret: storedHash }),
  "the session id as the secret": ({ token, session }) =>
    sealed({ ...partsOf(token), secret: session.id.padEnd(43, "A") }),
  "no secret": ({ token }) => sealed({ ...partsOf(token), secret: "A".repeat(43) }),
};

/** So many different tokens that were never issued, of each kind in turn. */
function mutations(howMany: number, seed: number): { wellFormed: string[]; malformedOnes: string[] } {
  const pick = seeded(seed);
  const real = new Set(issued.map(({ token }) => token));
  const made = { wellFormed: [] as string[], malformedOnes: [] as string[] };
  const kinds = [...Object.values(malformed), ...Object.values(forged)];
  for (let index = 0; made.wellFormed.length + made.malformedOnes.length < howMany; index++) {
    const kind = index % kinds.length;
    const of = anyOf(issued, pick);
    const isMalformed = kind < Object.keys(malformed).length;
    const mutation = isMalformed
      ? anyOf(Object.values(malformed), pick)(of.token, pick)
      : anyOf(Object.values(forged), pick)(of, pick);
    if (!real.has(mutation)) (isMalformed ? made.malformedOnes : made.wellFormed).push(mutation);
  }
  return made;
}

/** How often each outcome came, in batches that Redis and this process can hold. */
async function outcomes(tokens: readonly string[], use: (token: string) => Promise<unknown>): Promise<object> {
  const counts: Record<string, number> = {};
  for (let start = 0; start < tokens.length; start += BATCH) {
    const batch = tokens.slice(start, start + BATCH).map((token) =>
      use(token).then(
        (result) => (result === false ? "nothing ended" : "ACCEPTED"),
        (error: unknown) => {
          if (error instanceof InvalidTokenError) return "no token";
          return error instanceof SessionNotFoundError && error.reason === undefined
            ? "no such session"
            : String(error);
        },
      ),
    );
    for (const outcome of await Promise.all(batch)) counts[outcome] = (counts[outcome] ?? 0) + 1;
  }
  return counts;
}

test("a token is one word that a browser, a URL and a secret scanner take whole, and no two are alike", async () => {
  const made = await Promise.all(
    Array.from({ length: 300 }, () => sessions.create({ userId: freshId(), agentId: "support" })),
  );
  const secrets = made.map(({ token }) => partsOf(token).secret);
  for (const { token, session } of made) {
    expect(token).toMatch(/^lrs_[A-Za-z0-9_-]{87}$/);
    expect(encodeURIComponent(token)).toBe(token);
    expect(partsOf(token).id).toBe(session.id);
    expect(sealed(partsOf(token))).toBe(token);
    expect(Buffer.from(partsOf(token).secret, "base64url")).toHaveLength(32);
  }
  expect(new Set(secrets).size).toBe(300);
  // Of 256 random bits each is set in about half of 300 secrets; outside of 90–210 is one chance in 10^11.
  for (let bit = 0; bit < 256; bit++) {
    const set = secrets.filter((secret) => ((Buffer.from(secret, "base64url")[bit >> 3] ?? 0) >> (bit & 7)) & 1).length;
    expect(set, `bit ${bit}`).toBeGreaterThan(90);
    expect(set, `bit ${bit}`).toBeLessThan(210);
  }
});

test(`of ${MUTATIONS} mutations of tokens none is accepted, and a malformed one costs no call`, async () => {
  const { wellFormed, malformedOnes } = mutations(MUTATIONS, 20_261_121);
  expect(wellFormed.length).toBeGreaterThan(MUTATIONS / 3);
  expect(malformedOnes.length).toBeGreaterThan(MUTATIONS / 3);

  const before = proxy.requests;
  const refused = await outcomes(malformedOnes, (token) => sessions.verify(token));
  expect(refused).toEqual({ "no token": malformedOnes.length });
  expect(proxy.requests).toBe(before);

  const unknown = await outcomes(wellFormed, (token) => sessions.verify(token));
  expect(unknown).toEqual({ "no such session": wellFormed.length });
  expect(proxy.requests).toBe(before + wellFormed.length);
}, 120_000);

test("a mutated token neither rotates nor ends a session, and the real ones go on working", async () => {
  const { wellFormed, malformedOnes } = mutations(600, 42);
  const before = proxy.requests;
  expect(await outcomes(malformedOnes, (token) => sessions.rotate(token))).toEqual({
    "no token": malformedOnes.length,
  });
  expect(await outcomes(malformedOnes, (token) => sessions.end(token))).toEqual({ "no token": malformedOnes.length });
  expect(proxy.requests).toBe(before);
  expect(await outcomes(wellFormed, (token) => sessions.rotate(token))).toEqual({
    "no such session": wellFormed.length,
  });
  expect(await outcomes(wellFormed, (token) => sessions.end(token))).toEqual({ "nothing ended": wellFormed.length });
  for (const { token, session } of issued) expect((await sessions.verify(token)).id).toBe(session.id);
});

test("a value that is not a string is not a token", async () => {
  const { token } = issued[1] ?? expect.unreachable();
  const before = proxy.requests;
  for (const value of [undefined, null, 1, {}, [token], new String(token), { toString: () => token }]) {
    await expect(sessions.verify(value as string)).rejects.toThrow(InvalidTokenError);
    await expect(sessions.end(value as string)).rejects.toThrow(InvalidTokenError);
  }
  expect(proxy.requests).toBe(before);
});

test("a forged token gets the same answer for an ended session as for one that never existed", async () => {
  const { token } = await sessions.create({ userId: freshId(), agentId: "support" });
  await sessions.end(token);
  await expect(sessions.verify(token)).rejects.toMatchObject({ reason: "ended" });
  for (const [kind, forge] of Object.entries(forged)) {
    const forgery = forge({ ...(issued[1] ?? expect.unreachable()), token }, seeded(7));
    const error = await sessions.verify(forgery).catch((reason: unknown) => reason);
    expect(error, kind).toBeInstanceOf(SessionNotFoundError);
    expect(error, kind).toMatchObject({ reason: undefined, message: "There is no such session. Sign in again." });
  }
});

test("control: the forger of this file seals a token right, so only the secret is missing", async () => {
  const { token, session } = issued[2] ?? expect.unreachable();
  expect((await sessions.verify(sealed(partsOf(token)))).id).toBe(session.id);
});
