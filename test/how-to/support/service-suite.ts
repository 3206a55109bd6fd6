import { afterAll, beforeAll, expect, test } from "vitest";
import { connect, SessionStore } from "../../../src/index.js";
import type { Page } from "./page.js";
import type { Service } from "./service.js";

/** What every service of the how-to pages does, whatever its framework. */
export function testService(
  page: Page,
  start: () => Promise<Service>,
  compilerOptions: Readonly<Record<string, unknown>> = {},
): void {
  let service: Service;
  beforeAll(async () => {
    service = await start();
  });
  afterAll(() => service[Symbol.asyncDispose]());

  const send = (path: string, method: string, headers: Record<string, string>, body?: string): Promise<Response> =>
    fetch(service.program.base + path, { method, headers, ...(body === undefined ? {} : { body }) });
  const json = { "Content-Type": "application/json" };
  const ask = (headers: Record<string, string>, message: unknown): Promise<Response> =>
    send("/chat", "POST", { ...headers, ...json }, JSON.stringify({ message }));
  /** Signs in, and returns the headers of a page with its cookie. */
  const signedIn = async (): Promise<Record<string, string>> => {
    const response = await send("/session", "POST", service.signIn);
    expect(response.status).toBe(201);
    const cookie = response.headers.getSetCookie()[0] ?? "";
    expect(cookie).toMatch(/^__Host-session=[^;]+;/);
    for (const attribute of ["Secure", "HttpOnly", "SameSite=Strict", "Path=/"]) expect(cookie).toContain(attribute);
    return { ...service.signIn, Cookie: cookie.split(";")[0] ?? "" };
  };
  const told = async (response: Response): Promise<unknown[]> => [
    response.status,
    ((await response.json()) as { code?: string }).code,
  ];

  test("its types are right", async () => {
    expect(await service.site.typeErrors(compilerOptions)).toBe("");
  });

  test("the commands of the page sign in, stream an answer, and show what is stored", async () => {
    const printed = await service.shell(page.command("curl -sS -c cookies"));
    expect(printed).toMatch(/data: \{"text":"Hello"\}\n\nid: \S+\ndata: \{"text":" Ada\."\}\n\n/);
    expect(printed).toMatch(/event: end\nid: \S+\ndata: \{"end":"stored","position":"[^"]+"\}\n/);
    expect(printed.trim().split("\n").at(-1)).toBe(
      '[{"type":"human","text":"Hi, I am Ada."},{"type":"ai","text":"Hello Ada."}]',
    );
  });

  test("the first word arrives while the model still speaks; another request follows from there to the end", async () => {
    const headers = await signedIn();
    const asked = await ask(headers, "Say it slowly.");
    expect(asked.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    const reader = asked.body?.pipeThrough(new TextDecoderStream()).getReader() ?? expect.unreachable("no body");
    let heard = "";
    while (!heard.includes('{"text":"Hello"}\n\n')) heard += (await reader.read()).value ?? "";
    await reader.cancel(); // The reader leaves; the answer goes on.
    const [, id = ""] = /id: (\S+)\ndata: \{"text":"Hello"\}/.exec(heard) ?? [];
    const followed = await send("/answer", "GET", { ...headers, "Last-Event-ID": id });
    expect(followed.status).toBe(200);
    service.provider.letGo();
    const rest = await followed.text();
    expect(rest).toContain('data: {"text":" Ada."}');
    expect(rest).not.toContain('{"text":"Hello"}');
    expect(rest).toContain('{"end":"stored"');
  });

  test("a stop from another request ends the answer, and keeps what was said", async () => {
    const headers = await signedIn();
    const asked = await ask(headers, "Say it slowly.");
    const followed = await send("/answer", "GET", headers);
    expect(await (await send("/stop", "POST", headers)).json()).toEqual({ stopped: true });
    expect(await followed.text()).toContain('{"end":"stopped"');
    await asked.text();
    service.provider.letGo();
    expect(await (await send("/messages", "GET", headers)).json()).toMatchObject([
      { type: "human", text: "Say it slowly." },
      { type: "ai", text: "Hello" },
    ]);
    expect(service.program.output).not.toContain("AnswerStoppedError");
  });

  test("a second question meanwhile is refused with 409", async () => {
    const headers = await signedIn();
    const asked = await ask(headers, "Say it slowly.");
    expect(await told(await ask(headers, "And?"))).toEqual([409, "CONVERSATION_BUSY"]);
    service.provider.letGo();
    await asked.text();
  });

  test("whoever is not signed in is refused", async () => {
    const { Authorization: _, ...nobody } = service.signIn;
    expect(await told(await send("/session", "POST", nobody))).toEqual([401, "UNAUTHENTICATED"]);
    const forged = { ...nobody, Authorization: "Bearer e30.e30.e30" };
    expect(await told(await send("/session", "POST", forged))).toEqual([401, "UNAUTHENTICATED"]);
    const { Authorization: __, ...cookieOnly } = await signedIn();
    expect(await told(await ask(cookieOnly, "Hi"))).toEqual([401, "UNAUTHENTICATED"]);
  });

  test("a request without a session is refused, also with a token in the address", async () => {
    const { Cookie = "" } = await signedIn();
    const token = Cookie.split("=")[1] ?? "";
    for (const [path, method] of [
      ["/chat", "POST"],
      ["/answer", "GET"],
      ["/messages", "GET"],
      ["/stop", "POST"],
      ["/session", "DELETE"],
      [`/messages?session=${token}&token=${token}`, "GET"],
    ] as const)
      expect(await told(await send(path, method, service.signIn)), path).toEqual([440, "SESSION_TOKEN_MISSING"]);
  });

  test("a page of another site can do nothing with the cookie", async () => {
    const headers = { ...(await signedIn()), "Sec-Fetch-Site": "cross-site" };
    for (const [path, method] of [
      ["/chat", "POST"],
      ["/stop", "POST"],
      ["/session", "DELETE"],
      ["/session", "POST"],
    ] as const)
      expect(await told(await send(path, method, headers)), path).toEqual([403, "CROSS_SITE_REQUEST"]);
    const { "Sec-Fetch-Site": _, ...program } = headers;
    expect(await told(await ask(program, "Hi"))).toEqual([403, "CROSS_SITE_REQUEST"]);
  });

  test("a body that is no question is refused with 400, and nothing is stored", async () => {
    const headers = await signedIn();
    for (const body of ["", "Hi", "[]", '{"message":1}', '{"message":""}', '{"message":"Hi","operationId":"x"}'])
      expect((await send("/chat", "POST", { ...headers, ...json }, body)).status, body).toBe(400);
    expect(await (await send("/messages", "GET", headers)).json()).toEqual([]);
  });

  test("a large body is refused with 413", async () => {
    const headers = await signedIn();
    expect((await ask(headers, "x".repeat(200_000))).status).toBe(413);
    // Then the server closes the connection, and a request that takes it just then fails.
    const next = (): Promise<number> =>
      send("/messages", "GET", headers).then(
        ({ status }) => status,
        () => 0,
      );
    await expect.poll(next).toBe(200);
  });

  test("after a sign-out the cookie is gone and its token is refused", async () => {
    const headers = await signedIn();
    const out = await send("/session", "DELETE", headers);
    expect(out.status).toBe(204);
    expect(out.headers.getSetCookie()[0]).toMatch(/^__Host-session=;.*Max-Age=0/);
    expect(await told(await send("/messages", "GET", headers))).toEqual([440, "SESSION_NOT_FOUND"]);
  });

  test("the token of another agent's session is refused", async () => {
    const client = connect(service.redisUrl);
    const { token } = await new SessionStore({ client }).create({ userId: "ada", agentId: "another" });
    await client.quit();
    const headers = { ...service.signIn, Cookie: `__Host-session=${token}` };
    expect(await told(await send("/messages", "GET", headers))).toEqual([403, "SESSION_MISMATCH"]);
  });
}
