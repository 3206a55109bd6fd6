// Live access with limits that hold and endings that stick: `npm run sessions`.
//
// Two users, a limit of two sessions each: a third sign-in pushes the oldest out, a token is rotated, one user logs out
// everywhere, and later takes up an old conversation. Everything happens in one Redis, which this program starts.
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import { connect, type Owner, type Session, SessionNotFoundError, SessionStore } from "langchain-redis-sessions";
import { counted, heading, note } from "./print.js";
import { redisForExample } from "./redis.js";

await using redis = await redisForExample();
const client = connect(redis.url);
const sessions = new SessionStore({ client, idleTimeout: "30m", maxSessionsPerUser: 2, keyPrefix: "example" });
const ada: Owner = { userId: `ada-${process.pid}` };
const bob: Owner = { userId: `bob-${process.pid}` };

heading("Ada signs in on two devices, Bob on one");
const laptop = await signIn(ada, "laptop");
const phone = await signIn(ada, "phone");
const bobs = await signIn(bob, "desktop");
await say(laptop.session, "Remember: the meeting is on Friday.", "Noted.");
await show(ada);

heading("Ada signs in on a third device: two sessions are allowed, so the oldest ends");
const tablet = await signIn(ada, "tablet");
await tell("laptop", laptop.token);
await show(ada);

heading("The phone's token is rotated: the old one is refused at once, the session goes on");
const rotated = await sessions.rotate(phone.token);
await tell("old token", phone.token);
await tell("new token", rotated.token);

heading("Ada logs out everywhere; a running answer on the tablet is told to stop");
const signal = sessions.signal(tablet.session);
const stopped = new Promise<void>((resolve) => {
  signal.addEventListener("abort", () => resolve(), { once: true });
});
note(`${counted(await sessions.endAll(ada), "session")} ended`);
await stopped;
note(`the tablet's model call: ${String(signal.reason instanceof Error ? signal.reason.message : signal.reason)}`);
await tell("phone", rotated.token);
await tell("tablet", tablet.token);
await tell("Bob's desktop", bobs.token);

heading("Later, Ada takes up where she left off");
const [conversation] = await sessions.conversations.list(ada);
const again = await signIn(ada, "laptop", conversation?.id);
for (const message of await sessions.history(again.session).getMessages())
  note(`${message.type.padEnd(5)}  ${message.text}`);

const erased = await Promise.all([sessions.eraseUser(ada), sessions.eraseUser(bob)]);
heading("Both are erased");
note(
  erased.map((one) => `${counted(one.sessions, "session")}, ${counted(one.conversations, "conversation")}`).join("; "),
);
console.log();
await sessions.close();
await client.quit();

async function signIn(
  owner: Owner,
  device: string,
  conversationId?: string,
): Promise<{ token: string; session: Session }> {
  const { token, session } = await sessions.create({
    ...owner,
    agentId: "assistant",
    conversationId,
    userAgent: device,
  });
  note(`${owner.userId.split("-")[0]} on the ${device.padEnd(8)} session ${session.id.slice(0, 6)}…`);
  return { token, session };
}

async function say(session: Session, text: string, answer: string): Promise<void> {
  await sessions.history(session).addMessages([new HumanMessage(text), new AIMessage(answer)]);
}

/** What a request with this token would meet. */
async function tell(name: string, token: string): Promise<void> {
  try {
    const session = await sessions.verify(token);
    note(`${name.padEnd(14)} live until ${session.expiresAt.toISOString().slice(11, 16)} UTC without activity`);
  } catch (error) {
    if (!(error instanceof SessionNotFoundError)) throw error;
    note(`${name.padEnd(14)} refused: ${error.reason ?? "unknown"}`);
  }
}

async function show(owner: Owner): Promise<void> {
  for (const session of await sessions.list(owner)) {
    note(`live: ${(session.userAgent ?? "").padEnd(8)} ${counted(session.messageCount, "message")}`);
  }
}
