// What an answer consists of, in the order in which it came: texts, `{ type: "text", text }`, and the tools that were used,
// `{ type: "call", id, name, args, result, failed }`. The same, whether it arrives or was stored.

/** More of what is said at the moment. */
export function addToText(parts, text) {
  const last = parts.at(-1);
  if (last?.type === "text") last.text += text;
  else parts.push({ type: "text", text });
}

export function addCall(parts, { id, name, args }) {
  const known = callIn(parts, id);
  if (known) Object.assign(known, { name, args });
  else parts.push({ type: "call", id, name, args });
}

/** The call that it belongs to may be out of sight: in front of the page of messages that was loaded. */
export function addResult(parts, { id, name, text, failed }) {
  let call = callIn(parts, id);
  if (call === undefined) {
    call = { type: "call", id, name };
    parts.push(call);
  }
  Object.assign(call, { result: text, failed });
}

/** A message as the service stored it. */
export function addMessage(parts, { type, text, name, toolCallId, toolCalls = [], failed }) {
  if (type === "tool") {
    addResult(parts, { id: toolCallId, name, text, failed });
    return;
  }
  if (text !== "") parts.push({ type: "text", text });
  for (const call of toolCalls) addCall(parts, call);
}

export function textOf(parts) {
  return parts
    .filter(({ type }) => type === "text")
    .map(({ text }) => text)
    .join("\n\n");
}

function callIn(parts, id) {
  return parts.find((part) => part.type === "call" && part.id === id);
}
