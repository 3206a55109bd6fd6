// The page before anybody is signed in.
import { Api, inWords } from "./api.js";
import { element, find } from "./dom.js";
import { credentials, draft, farewell, interrupted, unsent } from "./kept.js";

/** Resolves with a session when somebody has signed in. */
export async function signIn(agentId) {
  find("sign-in").hidden = false;
  find("sign-in-message").textContent = farewell.read() ?? "";
  farewell.forget();
  const { promise, resolve } = Promise.withResolvers();
  await offerUsers(async (user) => resolve(await openSession(user, agentId)));
  const opened = await promise;
  find("sign-in").hidden = true;
  return opened;
}

async function offerUsers(choose) {
  const list = find("users");
  try {
    const { users } = await new Api().get("/users");
    list.replaceChildren(...users.map((user) => element("li", {}, userButton(user, choose))));
    const before = interrupted.read()?.userId;
    (list.querySelector(`[data-user="${CSS.escape(before ?? "")}"]`) ?? list.querySelector("button"))?.focus();
  } catch (error) {
    const again = element(
      "button",
      { type: "button", class: "button", on: { click: () => offerUsers(choose) } },
      "Try again",
    );
    list.replaceChildren(element("li", {}, again));
    find("sign-in-error").textContent = inWords(error);
    return;
  }
  find("sign-in-error").textContent = "";
}

function userButton(user, choose) {
  const signInAs = async (event) => {
    const button = event.currentTarget;
    button.setAttribute("aria-disabled", "true");
    find("sign-in-error").textContent = "";
    try {
      await choose(user);
    } catch (error) {
      find("sign-in-error").textContent = inWords(error);
    }
    button.removeAttribute("aria-disabled");
  };
  const initial = element("span", { class: "initial", "aria-hidden": "true" }, [...user.name][0] ?? "?");
  return element(
    "button",
    { type: "button", class: "user", data: { user: user.id }, on: { click: signInAs } },
    initial,
    element("span", {}, `Sign in as ${user.name}`),
  );
}

async function openSession({ id }, agentId) {
  let { jwt, user } = await new Api().post("/sign-in", { user: id });
  const api = new Api({ jwt });
  // A sign-in of the very second in which all sessions were ended counts as one from before: a moment later it does not.
  api.signInAnew = async () => {
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    ({ jwt } = await new Api().post("/sign-in", { user: id }));
    return jwt;
  };
  const before = interrupted.read();
  interrupted.forget();
  const conversationId = before?.userId === user.id ? before.conversationId : undefined;
  // What somebody else has written here is none of this user's business.
  if (before?.userId !== user.id) for (const kept of [draft, unsent]) kept.forget();
  const { token, session, ended } = await create(api, { agentId, ...(conversationId && { conversationId }) });
  credentials.write({ jwt, token, user });
  return { session, ended, isNew: session.conversationId !== conversationId };
}

async function create(api, { conversationId, ...wanted }) {
  if (conversationId !== undefined) {
    try {
      return await api.post("/sessions", { ...wanted, conversationId });
    } catch (error) {
      // It never had a message, or is deleted.
      if (error.code !== "CONVERSATION_NOT_FOUND") throw error;
    }
  }
  return api.post("/sessions", wanted);
}
