import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { RespFramer } from "../../src/testing/proxy/resp-framer.js";
import type { Address } from "./start-servers.js";

// What Redis 6.2.9 replies to a script that begins with "#!lua", and says of itself; recorded from one.
const cannotCompile = "-ERR Error compiling script (new function): user_script:1: unexpected symbol near '#'\r\n";
const version = "redis_version:6.2.9";
const information = `# Server\r\n${version}\r\nredis_git_sha1:00000000\r\nredis_mode:standalone\r\n`;

/** A stand-in for a server before 7.0: it passes everything on to a newer one but scripts and INFO. */
export interface Redis6 extends Address {
  /** The commands that came, in upper case. */
  readonly commands: readonly string[];
  readonly close: () => Promise<void>;
}

/** @param mayTell whether INFO is allowed. */
export async function redis6(server: Address, { mayTell = true } = {}): Promise<Redis6> {
  const commands: string[] = [];
  const sockets = new Set<Socket>();
  const info = mayTell ? `$${information.length}\r\n${information}\r\n` : "-NOPERM this user has no permissions\r\n";
  const answers: Readonly<Record<string, string>> = {
    EVALSHA: "-NOSCRIPT No matching script. Please use EVAL.\r\n",
    EVAL: cannotCompile,
    INFO: info,
  };
  const listener = createServer((near) => {
    const far = connect(server.port, server.host);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        near.destroy();
        far.destroy();
      });
    }
    // One command after the other, so that replies stay in order; what is under way is answered before the next is read.
    const framer = new RespFramer();
    const replies = new RespFramer();
    let waiting: (() => void) | undefined;
    far.on("data", (chunk: Buffer) => {
      near.write(chunk);
      if (replies.feed(chunk).some(({ ends }) => ends)) waiting?.();
    });
    const serve = async (name: string, bytes: Buffer): Promise<void> => {
      const answer = answers[name];
      if (answer !== undefined) {
        near.write(answer);
        return;
      }
      const answered = new Promise<void>((resolve) => {
        waiting = resolve;
      });
      far.write(bytes);
      await answered;
    };
    let command: Buffer[] = [];
    let turn = Promise.resolve();
    near.on("data", (chunk: Buffer) => {
      for (const { start, end, ends, words } of framer.feed(chunk)) {
        command.push(chunk.subarray(start, end));
        if (!ends) continue;
        const bytes = Buffer.concat(command);
        command = [];
        const name = words[0]?.toUpperCase() ?? "";
        commands.push(name);
        turn = turn.then(() => serve(name, bytes));
      }
    });
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo;
  return {
    host: "127.0.0.1",
    port,
    commands,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      listener.close();
      await once(listener, "close");
    },
  };
}
