// Puts the page together. A page is built once a load: signing out, and signing in again, is a reload.
import { conversationInAddress, goTo, nowAt, onBackAndForward, plainClick } from "./addresses.js";
import { Api, inWords } from "./api.js";
import { Chat } from "./chat.js";
import { Conversations } from "./conversations.js";
import { confirmed, showSessionOver } from "./dialogs.js";
import { find } from "./dom.js";
import { Drawer } from "./drawer.js";
import { farewell, forgetAll, interrupted, isTabOf } from "./kept.js";
import { OpenConversations } from "./open-conversations.js";
import { tellOtherTabs } from "./other-tabs.js";
import { SessionClock } from "./session-clock.js";
import { listenToSession } from "./session-events.js";
import { arrive, signInAs } from "./sign-in.js";
import { announce, clearNotices, notice } from "./speaking.js";
import { loadMarkdown } from "./text-view.js";
import { onWake } from "./wake.js";
import { Written } from "./written.js";

const { session, user, ...begun } = await arrive(() => {
  find("workspace").hidden = false;
  showState("reconnecting");
});
// Where another user was in this tab is none of this one's business.
if (!isTabOf(user)) nowAt(undefined);
const api = new Api({ session, user });
const clock = new SessionClock(api);
const drawer = new Drawer();
const written = new Written(user.id);
const chat = new Chat({ onChanged: showTitle });
const open = new OpenConversations({ api, agentId: session.agentId, written });
const conversations = new Conversations({
  api,
  onOpen: (id) => visit(id),
  // The focus stays in the list.
  onDeleted: (id) => {
    open.forget(id);
    written.forgetConversation(id);
    if (id === chat.conversation.id) begin({ replacing: true });
  },
  onChanged: showTitle,
});
/** Set when the page itself ends the session: then its end is no news. */
let leaving = false;
/** What the panel shows is loaded when it is opened for the first time. */
let panel;
/** The page itself is no news. */
let isReady = false;

api.addEventListener("over", ({ detail }) => {
  open.leave();
  if (leaving) return;
  leaving = true;
  showState("over");
  void showSessionOver(detail, () => {
    interrupted.write({ userId: user.id });
    leave();
  });
});
api.signInAnew = signInAnew;
open.addEventListener("begun", ({ detail: { conversation } }) => {
  if (conversation === chat.conversation) nowAt(conversation.id);
  conversations.begun(conversation);
});
open.addEventListener("emptied", ({ detail: { conversation, message } }) => {
  open.forget(conversation.id);
  conversations.gone(conversation.id);
  const draft = conversation.draft || message;
  written.forgetConversation(conversation.id);
  if (conversation === chat.conversation) begin({ replacing: true, draft });
  // Another one is shown by now: what was taken back waits where the next one begins.
  else if (chat.conversation.isNew) chat.offer(draft);
  else open.begin().draft ||= draft;
});
written.onUnsentElsewhere((id) => open.get(id)?.unsentElsewhere());
onBackAndForward((id) => show(id));
onWake(() => open.doubt(chat.conversation));
find("user-name").textContent = user.name;
for (const link of [find("new-conversation"), find("begin-another")]) {
  link.addEventListener(
    "click",
    plainClick(() => begin()),
  );
}
find("open-panel").addEventListener("click", openPanel);
find("close-panel").addEventListener("click", () => find("panel").close());
find("sign-out").addEventListener("click", signOut);
find("erase").addEventListener("click", erase);
find("workspace").hidden = false;
void loadMarkdown();
show(conversationInAddress());
chat.focus();
isReady = true;

clock.set(session);
clock.start();
void listenToSession(api, { onState: showState, onChanged: changed });
await conversations.refresh();
if (begun.ended?.length > 0) {
  notice("You are signed in at as many places as allowed, so the oldest sign-in was ended.", { tone: "information" });
}

function visit(id) {
  drawer.close();
  goTo(id);
  if (id !== chat.conversation.id) show(id);
  chat.focus();
}

/** `replacing`: what was here is gone, and so is its address. */
function begin({ replacing = false, draft } = {}) {
  if (replacing) nowAt(undefined);
  else {
    drawer.close();
    goTo(undefined);
  }
  show(undefined);
  if (draft) chat.offer(draft);
  if (!replacing) chat.focus();
}

function show(id) {
  const isOther = chat.conversation === undefined || id !== addressed(chat.conversation);
  const conversation = id === undefined ? open.begin() : open.take(id);
  if (isOther) chat.show(conversation);
  conversations.current = id;
  void conversation.refresh();
  if (isOther && isReady) announce(`${titleOf(conversation)} is open.`);
}

function addressed({ id, isNew }) {
  return isNew ? undefined : id;
}

/** On this page or another, on this device or another. Without an id: something may have been missed. */
function changed(id) {
  void conversations.refresh();
  if (id === undefined) open.doubt(chat.conversation);
  else void open.changed(id);
}

function titleOf({ id, isNew, status, title }) {
  if (isNew) return "New conversation";
  if (status === "missing") return "Not found";
  return conversations.titleOf(id) ?? title ?? "Conversation";
}

function showTitle() {
  if (leaving || chat.conversation === undefined) return;
  const title = titleOf(chat.conversation);
  find("title").textContent = title;
  document.title = `${title} · Chat`;
}

function showState(state) {
  const before = find("connection").dataset.state;
  find("connection").dataset.state = state;
  find("connection").textContent = state === "reconnecting" ? "Reconnecting…" : "";
  if (before !== "reconnecting" || state !== "connected") return;
  // Whatever could not be done because the service was away can be done now, and what changed meanwhile nobody told.
  clearNotices();
  announce("Connected again.");
  void conversations.refresh();
  open.doubt(chat.conversation);
}

async function openPanel() {
  find("panel").showModal();
  try {
    panel ??= new (await import("./panel.js")).Panel(api);
    panel.refresh();
  } catch (error) {
    failed("It cannot be shown.", error);
  }
}

async function signOut() {
  leaving = true;
  tellOtherTabs({ signingOut: session.id });
  try {
    const { ended } = await api.post("/sign-out");
    farewell.write(
      ended
        ? "You are signed out."
        : "You are signed out here. The session could not be ended; it ends when it has not been used for a while.",
    );
    forgetAll();
    nowAt(undefined);
  } catch (error) {
    // Only the service can make this browser forget the sign-in.
    if (!error.isSessionOver) {
      leaving = false;
      failed("You are still signed in.", error);
      return;
    }
  }
  leave();
}

/** Before what a page left open must not do: whoever sits here now has to be who signed in. */
async function signInAnew() {
  const sure = await confirmed({
    title: "Is it you?",
    text: `It is a while since you signed in. Sign in as ${user.name} again to go on.`,
    action: "Sign in again",
  });
  return sure && signInAs(user);
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
    forgetAll();
    nowAt(undefined);
    leave();
  } catch (error) {
    leaving = false;
    failed("It could not be erased; try again.", error);
  }
}

function leave() {
  location.reload();
}

function failed(text, error) {
  if (!error.isSessionOver) notice(`${text} ${inWords(error)}`);
}
