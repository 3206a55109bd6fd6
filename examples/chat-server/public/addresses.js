// Each conversation has an address, so that Back, a bookmark and a new tab work. "/" is a conversation that is to begin.

const pattern = /^\/c\/([^/]+)\/?$/u;

export function addressOf(conversationId) {
  return conversationId === undefined ? "/" : `/c/${encodeURIComponent(conversationId)}`;
}

/** The conversation that the address names; undefined for a new one. */
export function conversationInAddress() {
  const [, id] = pattern.exec(location.pathname) ?? [];
  try {
    return id && decodeURIComponent(id);
  } catch {
    return id;
  }
}

export function goTo(conversationId) {
  if (location.pathname !== addressOf(conversationId)) history.pushState(null, "", addressOf(conversationId));
}

/** The same place has another address from now on: a new conversation got its first message, or is gone. */
export function nowAt(conversationId) {
  history.replaceState(null, "", addressOf(conversationId));
}

export function onBackAndForward(moved) {
  window.addEventListener("popstate", () => moved(conversationInAddress()));
}

/** Calls `follow` for a plain click; with a modifier, or another button, the browser opens a tab or a window. */
export function plainClick(follow) {
  return (event) => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    follow();
  };
}
