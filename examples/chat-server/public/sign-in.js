// The page before anybody is signed in, and how it finds out whether somebody is.
import { Api, inWords } from "./api.js";
import { endingInWords } from "./dialogs.js";
import { element, find } from "./dom.js";
import { farewell, interrupted } from "./kept.js";
import { onOtherTabs, tellOtherTabs } from "./other-tabs.js";

const RETRY_DELAY = 1_000;

/**
 * Resolves with `{ session, user }` of this browser; with `ended` too if the session began only now.
 *
 * @param onWaiting called while the service cannot be asked: it is being restarted
 */
export async function arrive(onWaiting) {
  for (;;) {
    try {
      return await new Api().get("/session");
    } catch (error) {
      // Who it is is known, and no session has begun: an identity provider has sent the user back here.
      if (error.code === "SESSION_TOKEN_MISSING") return openSession();
      if (error.isSessionOver) return signIn(error);
      onWaiting();
      await new Promise((resolve) => setTimeout(resolve, RETRY_DELAY));
    }
  }
}

/** Has the same user prove again who they are. Resolves with whether they did. */
export async function signInAs(user) {
  try {
    await new Api().post("/sign-in", { user: user.id, cookie: true });
    return true;
  } catch (error) {
    if (error.status !== 404) throw error;
    return leaveFor("/sign-in/start?again");
  }
}

async function signIn({ status, reason }) {
  find("sign-in").hidden = false;
  find("sign-in-message").textContent = farewell.read() ?? (status === 440 ? endingInWords(reason) : "");
  farewell.forget();
  // Another tab of this browser signs in: so does this one.
  onOtherTabs(({ signedIn }) => (signedIn ? location.reload() : undefined));
  const { promise, resolve } = Promise.withResolvers();
  await offerUsers(async (user) => {
    await new Api().post("/sign-in", { user: user.id, cookie: true });
    resolve(await openSession(user));
  });
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
    if (error.status === 404) {
      offerProvider(list);
      return;
    }
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

/** An identity provider knows the users: the page leads there, and comes back. */
function offerProvider(list) {
  const button = element(
    "button",
    { type: "button", class: "user", on: { click: () => leaveFor("/sign-in/start?") } },
    element("strong", {}, "Sign in"),
  );
  list.replaceChildren(element("li", {}, button));
  const refused = new URLSearchParams(location.search).get("sign-in");
  find("sign-in-error").textContent = refused === "failed" ? "You could not be signed in. Try again." : "";
  button.focus();
}

/** For the provider, which sends the user back to where they are now. Never resolves: the page is left. */
function leaveFor(address) {
  location.assign(`${address}&to=${encodeURIComponent(location.pathname)}`);
  return new Promise(() => {});
}

function userButton(user, choose) {
  const onClick = async (event) => {
    const button = event.currentTarget;
    // Each sign-in ends the session of the one before, so a second press is ignored.
    if (find("users").querySelector('[aria-disabled="true"]')) return;
    button.setAttribute("aria-disabled", "true");
    find("sign-in-error").textContent = "";
    try {
      await choose(user);
    } catch (error) {
      find("sign-in-error").textContent = error.code === "UNAUTHENTICATED" ? noCookie : inWords(error);
    }
    button.removeAttribute("aria-disabled");
  };
  const initial = element("span", { class: "initial", "aria-hidden": "true" }, [...user.name][0] ?? "?");
  return element(
    "button",
    { type: "button", class: "user", data: { user: user.id }, on: { click: onClick } },
    initial,
    element("span", {}, `Sign in as ${user.name}`),
  );
}

const noCookie =
  "This browser keeps no cookie for this address, and without it nobody can stay signed in. Allow cookies, and open this " +
  "page over https. Without https it works on the machine of the service only, as http://localhost, and not in Safari.";

/** Starts the session of whoever has just signed in, where they were when the last one ended. */
async function openSession(chosen) {
  const api = new Api();
  // A sign-in of the very second in which all sessions were ended counts as one from before: a moment later it does not.
  api.signInAnew = async () => {
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    return chosen ? signInAs(chosen) : leaveFor("/sign-in/start?again");
  };
  const { session, user, ended } = await api.post("/sessions");
  interrupted.forget();
  tellOtherTabs({ signedIn: true });
  return { session, user, ended };
}
