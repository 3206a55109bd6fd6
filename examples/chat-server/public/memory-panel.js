// What the agent remembers: a list of sentences, to look at, to change, to remove. Its own tools write the same list.
import { inWords } from "./api.js";
import { element, find, iconButton } from "./dom.js";
import { announce, notice } from "./speaking.js";

const FACTS = "/memory/facts";
/** So often the agent may have been faster. */
const ATTEMPTS = 5;

export class MemoryPanel {
  #api;
  #list = find("memories");
  #form = find("new-memory");
  #field = find("new-fact");

  constructor(api) {
    this.#api = api;
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#add(this.#field.value.trim());
    });
  }

  async refresh() {
    try {
      const { facts } = await this.#known();
      this.#show(facts);
    } catch (error) {
      if (!error.isSessionOver) this.#list.replaceChildren(element("li", { class: "empty" }, inWords(error)));
    }
  }

  /** Version 0: nothing is there. */
  async #known() {
    try {
      const { value, version } = await this.#api.get(FACTS);
      return { facts: Array.isArray(value) ? value.map(String) : [String(value)], version };
    } catch (error) {
      if (error.code === "MEMORY_NOT_FOUND") return { facts: [], version: 0 };
      throw error;
    }
  }

  #show(facts) {
    this.#list.replaceChildren(...facts.map((fact) => this.#row(fact)));
    find("no-memories").hidden = facts.length > 0;
  }

  #row(fact) {
    const field = element("textarea", {
      rows: "1",
      "aria-label": `Remembered: ${fact}`,
      maxlength: "1000",
      dir: "auto",
    });
    field.value = fact;
    const save = iconButton("check", "Save", () => {}, { type: "submit", hidden: true });
    const submit = (event) => {
      event.preventDefault();
      const text = field.value.trim();
      void (text === "" ? this.#forget(fact) : this.#replace(fact, text));
    };
    field.addEventListener("input", () => (save.hidden = field.value === fact));
    const form = element(
      "form",
      { on: { submit } },
      field,
      save,
      iconButton("trash", `Forget: ${fact}`, () => this.#forget(fact)),
    );
    field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.isComposing) return;
      event.preventDefault();
      form.requestSubmit();
    });
    return element("li", {}, form);
  }

  async #add(fact) {
    if (fact === "") return;
    if (await this.#change((facts) => [...facts, fact], "The agent will remember this.")) this.#form.reset();
    this.#field.focus();
  }

  async #replace(fact, text) {
    const replaced = (facts) => (facts.includes(fact) ? facts.map((one) => (one === fact ? text : one)) : undefined);
    await this.#change(replaced, "The agent will remember this.");
    [...this.#list.querySelectorAll("textarea")].find(({ value }) => value === text)?.focus();
  }

  async #forget(fact) {
    if (!(await this.#change((facts) => facts.filter((one) => one !== fact), "The agent has forgotten this."))) return;
    (this.#list.querySelector("textarea") ?? this.#field).focus();
  }

  /**
   * To what is remembered now, whatever was shown. When the agent or another device was faster, it is read and changed anew.
   * `changed` returns undefined when what it is about is gone.
   */
  async #change(changed, done) {
    try {
      for (let attempt = 1; ; attempt++) {
        const { facts: before, version } = await this.#known();
        const facts = changed(before);
        if (facts === undefined) {
          this.#show(before);
          notice("This was changed meanwhile. Here is what is remembered now.", { tone: "information" });
          return false;
        }
        if (await this.#stored(facts, version, attempt)) {
          this.#show(facts);
          announce(done);
          return true;
        }
      }
    } catch (error) {
      if (!error.isSessionOver) notice(`It could not be changed. ${inWords(error)}`);
      return false;
    }
  }

  async #stored(facts, version, attempt) {
    try {
      await this.#api.open("PUT", FACTS, { body: { value: facts }, headers: { "If-Match": `"${version}"` } });
      return true;
    } catch (error) {
      if (error.code === "VERSION_CONFLICT" && attempt < ATTEMPTS) return false;
      throw error;
    }
  }
}
