// The only place that builds elements. Strings become text nodes: nothing that a person or a model wrote is ever markup.

const SVG = "http://www.w3.org/2000/svg";

export function find(id) {
  return document.getElementById(id);
}

/** `on` holds listeners, `data` the data-* attributes; an attribute that is null or false is left out. */
export function element(name, { on = {}, data = {}, ...attributes } = {}, ...children) {
  const made = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    made.setAttribute(attribute, value === true ? "" : String(value));
  }
  Object.assign(made.dataset, data);
  for (const [event, listener] of Object.entries(on)) made.addEventListener(event, listener);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** Puts elements into a container in this order. Those that are in their place are not touched, so the focus stays. */
export function arrange(container, elements) {
  let before = null;
  for (const one of elements) {
    const place = before === null ? container.firstElementChild : before.nextElementSibling;
    if (one !== place) {
      if (before === null) container.prepend(one);
      else before.after(one);
    }
    before = one;
  }
}

/** One of the drawings at the end of index.html; what it means is said by the label of the button around it. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

export function iconButton(iconName, label, onClick, attributes = {}) {
  return element(
    "button",
    { type: "button", class: "icon-button", "aria-label": label, title: label, on: { click: onClick }, ...attributes },
    icon(iconName),
  );
}
