// rediss://: the program reaches a server, and a Cluster, by TLS, as far as the certificate is trusted.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SessionStore } from "langchain-redis-sessions";
import { findFreePorts } from "../../src/testing/servers/free-ports.js";
import { findServerProgram } from "../../src/testing/servers/local-servers.js";
import { untilTrue } from "../support/cluster-with-replicas.js";
import { closingIn } from "../support/closing.js";
import { OwnServer } from "../support/own-server.js";
import { selfSigned } from "../support/self-signed.js";
import { freshId } from "../support/turns.js";
import { cli, objects, type Ran } from "./support/program.js";

const PASSWORD = "a-password-of-the-server";
const { closing, keep } = closingIn(afterAll);
const folder = mkdtempSync(path.join(tmpdir(), "command-line-tls-"));
closing.push(() => rmSync(folder, { recursive: true, force: true }));
const [certificateFile, keyFile] = [path.join(folder, "certificate.pem"), path.join(folder, "key.pem")];

describe.skipIf((await findServerProgram()) === undefined)("by TLS (needs a server program on the PATH)", () => {
  describe.each([
    { name: "one Redis", settings: [] },
    {
      name: "a Cluster",
      settings: ["--cluster-enabled", "yes", "--tls-cluster", "yes", "--cluster-announce-ip", "127.0.0.1"],
    },
  ])("$name", ({ settings }) => {
    const keyPrefix = freshId();
    let [plainPort, tlsPort] = [0, 0];
    beforeAll(async () => {
      let busPort = 0;
      [plainPort = 0, tlsPort = 0, busPort = 0] = await findFreePorts(3);
      // By default, the port of the bus is 10,000 above the other one, where nobody has looked whether it is free.
      const bus = settings.length > 0 ? ["--cluster-port", String(busPort)] : [];
      const { certificate, key } = selfSigned();
      writeFileSync(certificateFile, certificate);
      writeFileSync(keyFile, key, { mode: 0o600 });
      const files = [
        "--tls-cert-file",
        certificateFile,
        "--tls-key-file",
        keyFile,
        "--tls-ca-cert-file",
        certificateFile,
      ];
      const tls = ["--tls-port", String(tlsPort), ...files, "--tls-auth-clients", "no"];
      const server = new OwnServer(plainPort, [...tls, "--requirepass", PASSWORD, ...settings, ...bus]);
      closing.push(() => server.remove());
      await server.start();
      const admin = keep(new Redis({ port: plainPort, password: PASSWORD }));
      if (settings.length > 0) {
        await admin.call("CLUSTER", "ADDSLOTSRANGE", "0", "16383");
        await untilTrue(async () => (await admin.cluster("INFO")).includes("cluster_state:ok"), "it serves its slots");
      }
      const sessions = new SessionStore({ client: admin, keyPrefix });
      await sessions.create({ userId: "ada", agentId: "support" });
    });

    const run = (protocol: "redis" | "rediss", port: number, environment = {}): Promise<Ran> =>
      cli(["users", "--json", "--prefix", keyPrefix], {
        REDIS_URL: `${protocol}://127.0.0.1:${port}`,
        REDIS_PASSWORD: PASSWORD,
        ...environment,
      });
    const trusting = { NODE_EXTRA_CA_CERTS: certificateFile };

    test("rediss:// finds what redis:// finds, with the authority of NODE_EXTRA_CA_CERTS", async () => {
      const ran = await run("rediss", tlsPort, trusting);
      expect([ran.code, ran.err]).toEqual([0, ""]);
      expect(objects(ran)).toHaveLength(1);
      expect(objects(ran)).toEqual(objects(await run("redis", plainPort)));
    });

    test.each([
      ["a certificate that nobody vouches for", () => run("rediss", tlsPort), /certificate/u],
      ["a port without TLS", () => run("rediss", plainPort, trusting), /could not be reached/u],
      ["a port of TLS, reached without", () => run("redis", tlsPort, trusting), /could not be reached/u],
    ])("%s is an error that says so, and holds no password", async (_what, attempt, reason) => {
      const { code, out, err } = await attempt();
      expect([code, out]).toEqual([3, ""]);
      expect(err).toMatch(reason);
      expect(err).not.toContain(PASSWORD);
    });
  });
});
