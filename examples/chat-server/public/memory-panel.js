// What the agent remembers: a list of sentences, to look at, to change, to remove. Its own tools write the same list.
import { inWords } from "./api.js";
import { element, find, iconButton } from "./dom.js";
import { announce, notice } from "./speaking.js";

const FACTS = "/memory/facts";

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
      this.#show(await this.#facts());
    } catch (error) {
      if (!error.isSessionOver) this.#list.replaceChildren(element("li", { class: "empty" }, inWords(error)));
    }
  }

  async #facts() {
    try {
      const { value } = await this.#api.get(FACTS);
      return Array.isArray(value) ? value.map(String) : [String(value)];
    } catch (error) {
      if (error.code === "MEMORY_NOT_FOUND") return [];
      throw error;
    }
  }

  #show(facts) {
    this.#list.replaceChildren(...facts.map((fact) => this.#row(fact)));
    find("no-memories").hidden = facts.length > 0;
  }

  #row(fact) {
    const field = element("textarea", { rows: "1", "aria-label": `Remembered: ${fact}`, maxlength: "1000" });
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
    await this.#change((facts) => facts.map((one) => (one === fact ? text : one)), "The agent will remember this.");
    [...this.#list.querySelectorAll("textarea")].find(({ value }) => value === text)?.focus();
  }

  async #forget(fact) {
    if (!(await this.#change((facts) => facts.filter((one) => one !== fact), "The agent has forgotten this."))) return;
    (this.#list.querySelector("textarea") ?? this.#field).focus();
  }

  /** To what is remembered now: the agent may have learned more since it was shown. */
  async #change(changed, done) {
    try {
      const facts = changed(await this.#facts());
      if (facts.length > 0) await this.#api.put(FACTS, { value: facts });
      else await this.#api.delete(FACTS);
      this.#show(facts);
    } catch (error) {
      if (!error.isSessionOver) notice(`It could not be changed. ${inWords(error)}`);
      return false;
    }
    announce(done);
    return true;
  }
}
