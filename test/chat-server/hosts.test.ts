// Under which names the service answers. A page whose name resolves to 127.0.0.1 is of its origin, to a browser.
import { readFileSync } from "node:fs";
import { request } from "node:http";
import path from "node:path";
import { afterEach, expect, test } from "vitest";
import { readConfig } from "../../examples/chat-server/config.js";
import { startTestService, type TestService } from "./support/service.js";
import { Visitor } from "./support/visitor.js";

const running: TestService[] = [];
afterEach(async () => {
  for (const service of running.splice(0)) await service.stop();
});
async function served(environment: Readonly<Record<string, string>> = {}): Promise<TestService> {
  const service = await startTestService({ environment });
  running.push(service);
  return service;
}

interface Answered {
  readonly status: number | undefined;
  readonly type: string | undefined;
  readonly text: string;
}

/** With Node's own client: fetch does not let a program choose the host name. */
function ask(service: TestService, host: string, target = "/users", headers: object = {}): Promise<Answered> {
  const { port } = new URL(service.url);
  return new Promise((resolve, reject) => {
    const sent = { ...headers, Host: host, Connection: "close" };
    request({ host: "127.0.0.1", port, path: target, headers: sent as never }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => (text += part));
      const type = response.headers["content-type"];
      response.on("end", () => resolve({ status: response.statusCode, type, text }));
    })
      .on("error", reject)
      .end();
  });
}

test("on an address of this machine it goes by that machine's names, with any port, and by no other", async () => {
  const service = await served();
  const { host } = new URL(service.url);
  for (const name of [host, "localhost", "LOCALHOST:80", "127.0.0.1", "127.0.0.1:9999", "[::1]", "[::1]:3000"]) {
    expect(await ask(service, name), name).toMatchObject({ status: 200 });
  }
  const rebound = ["evil.test", "evil.test:80", `evil.test:${service.url.split(":").at(-1)}`, "localhost.evil.test"];
  for (const name of [...rebound, "127.0.0.1.evil.test", "localhost.", "10.0.0.1", "[::2]", "0.0.0.0"]) {
    const refused = await ask(service, name);
    expect(refused, name).toMatchObject({ status: 421, type: "application/problem+json" });
    expect(JSON.parse(refused.text)).toMatchObject({
      code: "HOST_UNKNOWN",
      detail: expect.stringContaining("PUBLIC_HOSTS"),
    });
  }
});

test("a page that rebinds its name reads nothing: no file, no sign-in, nothing of a user who is signed in", async () => {
  const service = await served();
  const ada = await Visitor.inSession(service.url);
  for (const target of ["/", "/app.js", "/users", "/session", "/conversations", "/nothing", "/session/events"]) {
    expect((await ask(service, "evil.test", target, ada.credentials)).status, target).toBe(421);
  }
  expect((await ask(service, "localhost", "/session", ada.credentials)).status).toBe(200);
  // The target of a proxy's request stands for the host.
  expect((await ask(service, "localhost", "http://evil.test/users")).status).toBe(421);
  // A load balancer asks by address.
  expect((await ask(service, "10.0.0.1", "/health")).status).toBe(200);
});

test("the names of PUBLIC_HOSTS are added", async () => {
  const service = await served({ PUBLIC_HOSTS: "chat.example.com, CHAT.example.org" });
  for (const name of ["chat.example.com", "Chat.Example.Com:8443", "chat.example.org", "localhost"]) {
    expect((await ask(service, name)).status, name).toBe(200);
  }
  for (const name of ["example.com", "a.chat.example.com", "evil.test"]) {
    expect((await ask(service, name)).status, name).toBe(421);
  }
});

test("beyond this machine it goes by any name, or by those of PUBLIC_HOSTS once they are said", async () => {
  const open = await served({ HOST: "0.0.0.0" });
  expect((await ask(open, "chat.example.com")).status).toBe(200);
  const named = await served({ HOST: "0.0.0.0", PUBLIC_HOSTS: "chat.example.com" });
  expect((await ask(named, "chat.example.com")).status).toBe(200);
  expect((await ask(named, "localhost")).status).toBe(200);
  expect((await ask(named, "evil.test")).status).toBe(421);
});

test.each(["", "http://chat.example.com", "chat.example.com:8443", "chat.example.com/", "*", "a b", "a,,b", "::1"])(
  "%j is no list of host names",
  (hosts) => {
    const read = (): unknown => readConfig({ PUBLIC_HOSTS: hosts }).PUBLIC_HOSTS;
    if (hosts === "") expect(read()).toBeUndefined();
    else expect(read).toThrow(/PUBLIC_HOSTS: use host names/);
  },
);

test("POST /sign-in refuses what a page of another site can send without asking", async () => {
  const service = await served();
  const nobody = new Visitor(service.url, "");
  const signIn = (headers: Record<string, string>) => nobody.send("/sign-in", { body: { user: "ada" }, headers });
  const { host } = new URL(service.url);
  const own = ["same-origin", "none"].map((site) => ({ "Sec-Fetch-Site": site }));
  for (const headers of [{}, ...own, { Origin: `http://${host}` }, { Origin: `https://${host}` }]) {
    expect((await signIn(headers)).status, JSON.stringify(headers)).toBe(200);
  }
  const others = ["same-site", "cross-site", ""].map((site) => ({ "Sec-Fetch-Site": site }));
  const origins = ["https://evil.test", "null", "", `http://${host}.evil.test`].map((Origin) => ({ Origin }));
  for (const headers of [...others, ...origins, { "Sec-Fetch-Site": "cross-site", Origin: `http://${host}` }]) {
    const refused = await signIn(headers);
    expect(refused, JSON.stringify(headers)).toMatchObject({ status: 403, json: { code: "CROSS_SITE_REQUEST" } });
  }
  // The types of forms, and of whatever else is sent without a preflight; `""`: none at all.
  for (const type of [
    "text/plain",
    "text/plain;charset=UTF-8",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=application/json",
    "application/jsonp",
    "",
  ]) {
    const refused = await signIn({ "Content-Type": type });
    expect(refused, type).toMatchObject({ status: 415, json: { code: "BODY_NOT_JSON" } });
    expect(refused.json.detail).toContain("Content-Type: application/json");
  }
  expect((await signIn({ "Content-Type": "Application/JSON; charset=utf-8" })).status).toBe(200);
});

test("HSTS is sent with everything once it is set, and is off until then", async () => {
  const header = async (service: TestService, target: string): Promise<string | null> =>
    (await new Visitor(service.url, "").send(target)).headers.get("Strict-Transport-Security");
  const without = await served();
  expect(await header(without, "/")).toBeNull();
  const year = await served({ HSTS: "365d" });
  const wide = await served({ HSTS: "730d,includeSubDomains" });
  for (const target of ["/", "/users", "/session", "/nothing", "/health"]) {
    expect(await header(year, target), target).toBe("max-age=31536000");
    expect(await header(wide, target), target).toBe("max-age=63072000; includeSubDomains");
  }
  for (const HSTS of ["1y", "365", "365d;preload", "365d,preload"]) {
    expect(() => readConfig({ HSTS })).toThrow(/HSTS: use a number of days/);
  }
});

test("the page lets in no plug-in, also in a browser with another default for object-src", async () => {
  const service = await served();
  const policy = (await new Visitor(service.url, "").send("/")).headers.get("Content-Security-Policy");
  expect(policy?.split(/; */)).toEqual(expect.arrayContaining(["default-src 'none'", "object-src 'none'"]));
  const page = readFileSync(path.join(import.meta.dirname, "../../examples/chat-server/public/index.html"), "utf8");
  expect(page).not.toMatch(/<(?:object|embed|applet)/i);
});
