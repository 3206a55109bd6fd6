// How messages look. Each view shows one item of a conversation, and changes only what is different when the item is.
import { textOf } from "./answer-parts.js";
import { copy } from "./clipboard.js";
import { element, icon, iconButton } from "./dom.js";
import { whyNotAnswered } from "./problem-words.js";
import { announce } from "./speaking.js";
import { TextView } from "./text-view.js";
import { relativeTimeElement } from "./time.js";
import { inToolWords } from "./tools-in-words.js";

export const MAX_MESSAGE = 20_000;

/** `actions`: `edit(item, text)` returns whether it was sent; `canEdit(item)` */
export class QuestionView {
  #item;
  #actions;
  #text = element("p", { class: "text", dir: "auto" });
  #footer = element("footer");
  #isBeingEdited = false;
  element = element(
    "article",
    { class: "message", "aria-label": "You", data: { from: "you" } },
    this.#text,
    this.#footer,
  );

  constructor(actions) {
    this.#actions = actions;
  }

  update(item) {
    const canEdit = this.#actions.canEdit(item);
    const isSame = this.#item?.text === item.text && this.#item.position === item.position && this.canEdit === canEdit;
    this.#item = item;
    this.canEdit = canEdit;
    if (isSame) return;
    if (this.#isBeingEdited && !canEdit) this.#stopEditing();
    this.#text.textContent = item.text;
    this.#footer.replaceChildren(
      element(
        "div",
        { class: "actions" },
        copyButton(() => this.#item.text),
        canEdit ? this.#editButton() : null,
      ),
    );
  }

  #editButton() {
    const button = iconButton("pencil", "Edit", () => this.#edit());
    button.classList.add("edit");
    return button;
  }

  #edit() {
    this.#isBeingEdited = true;
    const field = element("textarea", {
      "aria-label": "Edit your message",
      maxlength: String(MAX_MESSAGE),
      dir: "auto",
    });
    field.value = this.#item.text;
    const save = (event) => {
      event.preventDefault();
      const text = field.value.trim();
      if (text === "") return;
      if (this.#actions.edit(this.#item, text)) this.#stopEditing();
    };
    const cancel = () => {
      this.#stopEditing();
      this.#footer.querySelector(".edit")?.focus();
    };
    const form = element(
      "form",
      { class: "editing", on: { submit: save } },
      field,
      element(
        "div",
        { class: "choices" },
        element("p", { class: "detail" }, "The answer, and all that follows, is replaced."),
        element("button", { type: "button", class: "button", on: { click: cancel } }, "Cancel"),
        element("button", { type: "submit", class: "button primary" }, "Save and ask"),
      ),
    );
    form.addEventListener("keydown", (event) => {
      if (event.isComposing) return;
      if (event.key === "Escape") {
        event.preventDefault();
        event.stopPropagation();
        cancel();
      } else if (event.key === "Enter" && !event.shiftKey && event.target === field && !touches()) {
        event.preventDefault();
        form.requestSubmit();
      }
    });
    this.#text.hidden = true;
    this.#footer.hidden = true;
    this.element.append(form);
    field.focus();
  }

  #stopEditing() {
    this.#isBeingEdited = false;
    this.element.querySelector(".editing")?.remove();
    this.#text.hidden = false;
    this.#footer.hidden = false;
  }
}

/**
 * What was done for an answer, what is said, how it ended, and what can be done about that. `actions`: `again`, `goOn`,
 * `tryAgain`, `takeBack`, `decide(item, approve)`, and `canAsk(item)`: whether it is the last answer and nothing runs.
 */
export class AnswerView {
  #item;
  #actions;
  #body = element("div", { class: "body" });
  #pulse = element("p", { class: "pulse" }, element("span", { class: "unseen" }, "The agent is at work."));
  #rest = element("div", { class: "rest" });
  #footer = element("footer");
  #parts = [];
  #shown = "";
  element = element(
    "article",
    { class: "message", "aria-label": "Agent", data: { from: "agent" } },
    this.#body,
    this.#rest,
    this.#footer,
  );

  constructor(actions) {
    this.#actions = actions;
  }

  update(item) {
    this.#item = item;
    const isLive = item.turn?.isLive === true;
    // What it asks for is told by the question.
    const parts = item.turn?.state === "waiting" ? item.parts.filter(isDone) : item.parts;
    this.#showParts(parts, isLive);
    // Not yet looked at again: it neither grows nor can it be asked again.
    const isEnding = item.turn?.state === "ended";
    this.element.setAttribute("aria-busy", String(isLive));
    this.element.dataset.state = isLive ? "arriving" : "there";
    if (isLive && !this.#pulse.isConnected) this.#body.append(this.#pulse);
    if (!isLive) this.#pulse.remove();
    const canAsk = !isLive && !isEnding && this.#actions.canAsk(item);
    const text = textOf(item.parts);
    const { turn, unsent } = item;
    const { state, stopping, approval, problem } = turn ?? {};
    const { at, interrupted } = item;
    const isUnsent = unsent !== undefined;
    const how = { isLive, canAsk, hasText: text !== "", at, interrupted, state, stopping, approval, isUnsent };
    const shown = JSON.stringify({ ...how, codes: [problem?.code, unsent?.error?.code], isFinal: unsent?.isFinal });
    // So that nothing is taken from under the hands of somebody who is about to press it.
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#showRest(item);
    this.#showFooter(item, { isLive, canAsk, hasText: text !== "" });
  }

  #showParts(parts, arrives) {
    parts.forEach((part, index) => {
      if (this.#parts[index]?.type !== part.type) {
        const made = part.type === "text" ? new TextPart() : new CallPart();
        if (this.#parts[index]) this.#parts[index].element.replaceWith(made.element);
        else if (this.#pulse.isConnected) this.#pulse.before(made.element);
        else this.#body.append(made.element);
        this.#parts[index] = made;
      }
      this.#parts[index].update(part, arrives && index === parts.length - 1);
    });
    for (const surplus of this.#parts.splice(parts.length)) surplus.element.remove();
  }

  #showRest({ turn, unsent }) {
    const waits = turn?.state === "waiting" && turn.approval?.length > 0;
    const failed = unsent !== undefined || turn?.state === "interrupted";
    const focused = this.#rest.contains(document.activeElement);
    this.#rest.replaceChildren(
      ...(waits ? [this.#approval(turn.approval)] : []),
      ...(failed ? [this.#failure(unsent ? unsent.error : turn.problem, unsent)] : []),
    );
    if (focused && this.#rest.childElementCount === 0) this.#actions.focus();
  }

  #failure(error, unsent) {
    const text = unsent && error === undefined ? "This message may not have arrived." : whyNotAnswered(error);
    const button = (label, run) =>
      element("button", { type: "button", class: "link", on: { click: () => run(this.#item) } }, label);
    return element(
      "div",
      { class: "failure" },
      icon("info"),
      element("span", {}, text),
      element(
        "span",
        {},
        unsent?.isFinal ? null : button("Try again", this.#actions.tryAgain),
        button("Take it back", this.#actions.takeBack),
      ),
    );
  }

  #approval(calls) {
    const id = `approval-${this.#item.key}`;
    const decide = (approve) => () => this.#actions.decide(this.#item, approve);
    return element(
      "section",
      { class: "approval", "aria-labelledby": id },
      element("h3", { id }, "The agent asks for your permission"),
      element("ul", {}, ...calls.map((call) => element("li", {}, ...asked(call)))),
      element(
        "div",
        { class: "choices" },
        element("button", { type: "button", class: "button", on: { click: decide(false) } }, "Refuse"),
        element("button", { type: "button", class: "button primary", on: { click: decide(true) } }, "Allow"),
      ),
    );
  }

  #showFooter({ at, interrupted, turn }, { isLive, canAsk, hasText }) {
    const focused = this.#footer.contains(document.activeElement) ? document.activeElement.ariaLabel : undefined;
    const wasStopped = interrupted && turn === undefined;
    const state =
      turn?.state === "lost"
        ? "Reconnecting…"
        : turn?.stopping && isLive
          ? "Stopping…"
          : wasStopped
            ? "stopped"
            : undefined;
    const action = (name, label, run) => iconButton(name, label, () => run(this.#item));
    this.#footer.replaceChildren(
      ...(at && !isLive ? [relativeTimeElement(at)] : []),
      ...(state ? [element("span", { class: "mark" }, wasStopped ? icon("stop") : null, state)] : []),
      element(
        "div",
        { class: "actions" },
        !isLive && hasText ? copyButton(() => textOf(this.#item.parts)) : null,
        canAsk && !turn ? action("again", "Answer again", this.#actions.again) : null,
        canAsk && wasStopped ? action("continue", "Go on", this.#actions.goOn) : null,
      ),
    );
    if (focused) [...this.#footer.querySelectorAll("button")].find(({ ariaLabel }) => ariaLabel === focused)?.focus();
  }
}

const isDone = ({ type, result }) => type !== "call" || result !== undefined;

class TextPart {
  type = "text";
  #view = new TextView();
  element = this.#view.element;

  update({ text }, arrives) {
    this.#view.update(text, { arrives });
  }
}

/** A tool that is used: in words, with the details behind them. */
class CallPart {
  type = "call";
  #summary = element("summary");
  #details = element("div", { class: "details" });
  #shown = "";
  element = element("details", { class: "step" }, this.#summary, this.#details);

  update({ name, args, result, failed }) {
    const shown = JSON.stringify([name, args, result, failed]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    const state = failed ? "failed" : result === undefined ? "does" : "did";
    this.element.dataset.state = state;
    this.#summary.replaceChildren(icon("tool"), element("span", {}, inToolWords(name, args, state)));
    this.#details.replaceChildren(...detailsOf({ name, args, result, failed }));
  }
}

function detailsOf({ name, args, result, failed }) {
  return [
    ...detail("Tool", name),
    ...(args !== undefined && Object.keys(args ?? {}).length > 0 ? detail("Given", inLines(args)) : []),
    ...(result === undefined ? [] : detail(failed ? "What went wrong" : "Found", result)),
  ];
}

function detail(label, text) {
  return [element("p", { class: "detail" }, label), element("pre", { tabindex: "0", dir: "auto" }, text)];
}

function asked({ name, args, description }) {
  return [
    element("p", {}, inToolWords(name, args, "asks")),
    // One that somebody wrote, and not the one that stands in for it.
    description && !description.startsWith("Tool execution requires approval")
      ? element("p", { class: "detail" }, description)
      : null,
    element(
      "details",
      { class: "step" },
      element("summary", {}, "Details"),
      element("div", { class: "details" }, ...detailsOf({ name, args })),
    ),
  ];
}

function inLines(args) {
  if (typeof args !== "object" || args === null) return String(args);
  return Object.entries(args)
    .map(([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join("\n");
}

function copyButton(textToCopy) {
  const button = iconButton("copy", "Copy", async () => {
    const copied = await copy(textToCopy());
    announce(copied ? "Copied." : "It could not be copied.");
    if (!copied) return;
    button.replaceChildren(icon("check"));
    setTimeout(() => button.replaceChildren(icon("copy")), 2_000);
  });
  return button;
}

/** On a touch screen Enter is how one begins a line. */
export function touches() {
  return matchMedia("(pointer: coarse)").matches;
}
