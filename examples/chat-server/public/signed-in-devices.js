// Where one is signed in, and ending it from here.
import { inWords } from "./api.js";
import { deviceOf } from "./device.js";
import { confirmed } from "./dialogs.js";
import { element, find } from "./dom.js";
import { announce, notice } from "./speaking.js";
import { relativeTimeElement } from "./time.js";

export class SignedInDevices {
  #api;
  #list = find("devices");
  #endOthers = find("end-others");

  constructor(api) {
    this.#api = api;
    this.#endOthers.addEventListener("click", () => this.#endAllOthers());
  }

  async refresh() {
    try {
      const { sessions } = await this.#api.get("/sessions");
      // This one first, then those that were used last.
      const sorted = sessions.toSorted(
        (one, other) => other.current - one.current || other.lastActivityAt.localeCompare(one.lastActivityAt),
      );
      const names = namesOf(sessions);
      this.#list.replaceChildren(...sorted.map((session) => this.#row(session, names.get(session.id))));
      this.#endOthers.hidden = sessions.length < 2;
    } catch (error) {
      if (!error.isSessionOver) this.#list.replaceChildren(element("li", { class: "empty" }, inWords(error)));
    }
  }

  #row({ id, userAgent, ipAddress, startedAt, lastActivityAt, current }, device) {
    const end = element(
      "button",
      {
        type: "button",
        class: "button",
        "aria-label": `End ${device}, ${ipAddress ?? "no address"}`,
        on: { click: () => this.#end(id, device) },
      },
      "End",
    );
    return element(
      "li",
      { data: { id } },
      element(
        "div",
        {},
        element("strong", { title: userAgent }, device),
        current ? element("span", { class: "badge" }, "this browser") : null,
        element(
          "p",
          { class: "detail" },
          `${ipAddress ?? "no address"} · signed in `,
          relativeTimeElement(startedAt),
          " · active ",
          relativeTimeElement(lastActivityAt),
        ),
      ),
      current ? null : end,
    );
  }

  async #end(id, device) {
    try {
      await this.#api.delete(`/sessions/${encodeURIComponent(id)}`);
    } catch (error) {
      // It ended by itself meanwhile: what was wanted.
      if (error.status !== 404) {
        this.#failed(error);
        return;
      }
    }
    await this.#done(`Ended ${device}.`);
  }

  async #endAllOthers() {
    const sure = await confirmed({
      title: "End all others?",
      text: "Everywhere else you will be signed out at once. Here you stay signed in.",
      action: "End all others",
    });
    if (!sure) return;
    try {
      const { ended } = await this.#api.post("/sessions/end-all", { others: true });
      await this.#done(`Ended ${ended}.`);
    } catch (error) {
      this.#failed(error);
    }
  }

  async #done(text) {
    await this.refresh();
    announce(text);
    (this.#list.querySelector("button") ?? find("panel-title")).focus();
  }

  #failed(error) {
    if (!error.isSessionOver) notice(`It could not be ended. ${inWords(error)}`);
  }
}

/** The name of each by its id. Those that look alike are numbered, the oldest first: a button says which it ends. */
function namesOf(sessions) {
  const alike = Map.groupBy(
    sessions.toSorted((one, other) => one.startedAt.localeCompare(other.startedAt)),
    ({ userAgent }) => deviceOf(userAgent),
  );
  const named = [...alike].flatMap(([device, group]) =>
    group.map(({ id }, index) => [id, group.length > 1 ? `${device} (${index + 1})` : device]),
  );
  return new Map(named);
}
