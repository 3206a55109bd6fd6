// How messages look: elements for what is stored, and for an answer while it arrives.
import { element, icon } from "./dom.js";
import { relativeTimeElement } from "./time.js";

export function messageFromYou(text) {
  return element(
    "article",
    { class: "message", "aria-label": "You", data: { from: "you" } },
    element("p", { class: "text" }, text),
  );
}

/** An answer: what was done for it, what is said, and how it ended. */
export class Answer {
  #steps = element("div", { class: "steps" });
  #text = element("p", { class: "text" });
  #footer = element("footer");
  element = element(
    "article",
    { class: "message", "aria-label": "Agent", data: { from: "agent" } },
    this.#steps,
    this.#text,
    this.#footer,
  );

  get text() {
    return this.#text.textContent;
  }

  /** While it does, a sign that the agent is at work. */
  set arrives(value) {
    this.element.setAttribute("aria-busy", String(value));
    this.element.dataset.state = value ? "arriving" : "there";
  }

  say(text) {
    this.#text.append(text);
  }

  /** The whole of it, in place of what came bit by bit. */
  replace(text) {
    this.#text.textContent = text;
  }

  used(name, result) {
    this.#steps.append(
      element(
        "details",
        { class: "step" },
        element("summary", {}, icon("tool"), `Used the tool ${name}`),
        element("pre", { tabindex: "0" }, result),
      ),
    );
  }

  at(date) {
    this.#footer.prepend(relativeTimeElement(date));
  }

  stopped() {
    this.#footer.append(element("span", { class: "mark" }, icon("stop"), "stopped"));
  }

  /** `actions`: buttons */
  failed(text, ...actions) {
    this.#footer.append(
      element("div", { class: "failure" }, icon("info"), element("span", {}, text), element("span", {}, ...actions)),
    );
  }

  clear() {
    for (const part of [this.#steps, this.#text, this.#footer]) part.replaceChildren();
  }
}

/** Elements for a page of stored messages. What an agent does between two messages of the user is one answer. */
export function storedMessages(messages) {
  const shown = [];
  let answer;
  for (const { type, text, at, name, toolCalls = [], interrupted } of messages) {
    if (type === "human") {
      shown.push(messageFromYou(text));
      answer = undefined;
    } else if (type === "ai" || type === "tool") {
      if (answer === undefined) {
        answer = new Answer();
        shown.push(answer.element);
      }
      if (type === "tool") answer.used(name ?? "", text);
      else {
        if (answer.text !== "" && text !== "") answer.say("\n\n");
        answer.say(text);
        if (toolCalls.length === 0 || interrupted) answer.at(at);
        if (interrupted) answer.stopped();
      }
    }
  }
  return shown;
}
