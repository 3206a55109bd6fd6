// Puts the page together. A page is built once a load: signing out, and signing in again, is a reload.
import { Api, inWords } from "./api.js";
import { Chat } from "./chat.js";
import { Conversations } from "./conversations.js";
import { confirmed, showSessionOver } from "./dialogs.js";
import { find } from "./dom.js";
import { Drawer } from "./drawer.js";
import { credentials, draft, farewell, interrupted, shown, unsent } from "./kept.js";
import { MemoryPanel } from "./memory-panel.js";
import { SessionClock } from "./session-clock.js";
import { listenForTheEnd } from "./session-events.js";
import { SignedInDevices } from "./signed-in-devices.js";
import { signIn } from "./sign-in.js";
import { announce, clearNotices, notice } from "./speaking.js";

const AGENT = "assistant";
const RETRY_DELAY = 1_000;

const signedIn = credentials.read() ? undefined : await signIn(AGENT);
const { user, ...secrets } = credentials.read();
const api = new Api(secrets);
const clock = new SessionClock(api);
const drawer = new Drawer();
const devices = new SignedInDevices(api);
const memory = new MemoryPanel(api);
const chat = new Chat({ api, agentId: AGENT, onStored: (id) => refreshList((list) => list.refreshAfterTurn(id)) });
const conversations = new Conversations({
  api,
  onOpen: openConversation,
  // The focus stays in the list.
  onDeleted: (id) => (id === chat.conversationId && !underWay ? moveTo({}) : undefined),
  onChanged: showTitle,
});
/** Set when the page itself ends the session: then its end is no news. */
let leaving = false;
/** The move to another conversation that was asked for last: only that one is shown, whichever answer comes last. */
let underWay;

api.addEventListener("over", ({ detail: reason }) => {
  if (leaving) return;
  leaving = true;
  showState("over");
  showSessionOver(reason, () => {
    interrupted.write({ userId: user.id, conversationId: chat.conversationId });
    leave();
  });
});
api.signInAnew = signInAnew;
find("user-name").textContent = user.name;
find("new-conversation").addEventListener("click", beginConversation);
find("open-panel").addEventListener("click", openPanel);
find("close-panel").addEventListener("click", () => find("panel").close());
find("sign-out").addEventListener("click", signOut);
find("erase").addEventListener("click", erase);
find("workspace").hidden = false;

const session = signedIn?.session ?? (await ownSession());
const { conversationId: inFront } = (!signedIn && shown.read()) || session;
clock.set(session);
clock.start();
void listenForTheEnd(api, showState);
await Promise.all([chat.show(inFront, { beginning: signedIn?.isNew ?? false }), refreshList((list) => list.refresh())]);
conversations.current = inFront;
chat.focus();
if (signedIn?.ended.length > 0) {
  notice("You are signed in at as many places as allowed, so the oldest sign-in was ended.", { tone: "information" });
}

/** The session of a page that was reloaded; waits for a service that is being restarted. */
async function ownSession() {
  for (;;) {
    try {
      return (await api.get("/session")).session;
    } catch (error) {
      if (error.isSessionOver) return new Promise(() => {});
      showState("reconnecting");
      await new Promise((resolve) => setTimeout(resolve, RETRY_DELAY));
    }
  }
}

async function openConversation(conversationId) {
  drawer.close();
  if (conversationId !== chat.conversationId) {
    await moveTo({ conversationId }, () => chat.focus());
    return;
  }
  underWay = undefined;
  chat.focus();
}

async function beginConversation() {
  drawer.close();
  await moveTo({}, () => chat.focus());
}

async function moveTo(target, onceThere = () => {}) {
  const move = {};
  underWay = move;
  let moved;
  try {
    moved = (await api.post("/sessions/conversation", target)).session;
  } catch (error) {
    if (error.code === "CONVERSATION_NOT_FOUND") await refreshList((list) => list.refresh());
    if (move === underWay) failed("The conversation cannot be opened.", error);
  }
  if (move !== underWay) return;
  underWay = undefined;
  if (!moved) return;
  const { conversationId } = moved;
  const showing = chat.show(conversationId, { beginning: target.conversationId === undefined });
  conversations.current = conversationId;
  onceThere();
  await showing;
  if (conversationId !== chat.conversationId) return;
  announce(`${conversations.titleOf(conversationId) ?? "New conversation"} is open.`);
}

async function refreshList(refresh) {
  try {
    await refresh(conversations);
  } catch {
    // It is refreshed again after the next turn and when the connection is back.
  }
}

function showTitle() {
  const title = conversations.titleOf(chat.conversationId) ?? "New conversation";
  find("title").textContent = title;
  document.title = `${title} · Chat`;
}

function showState(state) {
  const cameBack = find("connection").dataset.state === "reconnecting" && state === "connected";
  find("connection").dataset.state = state;
  find("connection").textContent = state === "reconnecting" ? "Reconnecting…" : "";
  if (!cameBack) return;
  // Whatever could not be done because the service was away can be done now.
  clearNotices();
  announce("Connected again.");
  void refreshList((list) => list.refresh());
}

function openPanel() {
  find("panel").showModal();
  void devices.refresh();
  void memory.refresh();
}

async function signOut() {
  leaving = true;
  try {
    const { session: own } = await api.get("/session");
    await api.delete(`/sessions/${encodeURIComponent(own.id)}`);
    farewell.write("You are signed out.");
  } catch (error) {
    farewell.write(
      error.isSessionOver
        ? "You are signed out."
        : "You are signed out here. The service could not be told; the session ends when it has not been used for a while.",
    );
  }
  for (const kept of [draft, unsent]) kept.forget();
  leave();
}

/** Before what a page left open must not do: whoever sits here now has to be who signed in. */
async function signInAnew() {
  const sure = await confirmed({
    title: "Is it you?",
    text: `It is a while since you signed in. Sign in as ${user.name} again to go on.`,
    action: "Sign in again",
  });
  if (!sure) return undefined;
  const { jwt } = await new Api().post("/sign-in", { user: user.id });
  credentials.write({ ...credentials.read(), jwt });
  return jwt;
}

async function erase() {
  const sure = await confirmed({
    title: "Erase everything?",
    text: "All of your conversations and all that the agent remembers of you will be gone for good, and you are signed out everywhere.",
    action: "Erase everything",
  });
  if (!sure) return;
  leaving = true;
  try {
    await api.delete("/me");
    farewell.write("Everything about you was erased.");
    for (const kept of [draft, unsent]) kept.forget();
    leave();
  } catch (error) {
    leaving = false;
    failed("It could not be erased; try again.", error);
  }
}

function leave() {
  credentials.forget();
  location.reload();
}

function failed(text, error) {
  if (!error.isSessionOver) notice(`${text} ${inWords(error)}`);
}
