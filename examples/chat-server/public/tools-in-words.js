// What the agent does with its tools, as a person would say it. A tool that is not known here gets a general sentence.

const sentences = {
  time_in: {
    does: ({ zone }) => `Looking up the time in ${zone}…`,
    did: ({ zone }) => `Looked up the time in ${zone}`,
    asks: ({ zone }) => `Look up the time in ${zone}`,
  },
  remember: {
    does: () => "Making a note for later…",
    did: () => "Made a note for later",
    asks: ({ fact }) => `Remember: ${fact}`,
  },
  recall: {
    does: () => "Looking at what it remembers of you…",
    did: () => "Looked at what it remembers of you",
    asks: () => "Look at what it remembers of you",
  },
  forget: {
    does: () => "Forgetting all that it remembers of you…",
    did: () => "Forgot all that it remembered of you",
    asks: () => "Forget all that it remembers of you",
  },
};

/** `state`: `does`, `did`, `failed` or `asks` */
export function inToolWords(name, args, state) {
  const known = Object.hasOwn(sentences, name) ? sentences[name] : undefined;
  const what = plain(name);
  if (state === "failed") return known ? `${known.did(args ?? {})}: it did not work` : `“${what}” did not work`;
  if (known) return known[state](args ?? {});
  return { does: `Using “${what}”…`, did: `Used “${what}”`, asks: `Use “${what}”` }[state];
}

function plain(name) {
  return String(name || "a tool").replaceAll(/[_-]+/gu, " ");
}
