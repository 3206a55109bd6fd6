// Server-sent events out of a fetch response. EventSource cannot send the headers that say who asks.

/** Yields `{ event, data }`, and `{ event: "comment" }` for each sign of life in between. */
export async function* serverSentEvents(body) {
  let event = "message";
  let data = [];
  for await (const line of linesOf(body)) {
    if (line === "") {
      if (data.length > 0) yield { event, data: JSON.parse(data.join("\n")) };
      event = "message";
      data = [];
      continue;
    }
    const [, field = "", value = ""] = /^([^:]*):? ?(.*)$/su.exec(line) ?? [];
    if (field === "") yield { event: "comment" };
    else if (field === "event") event = value;
    else if (field === "data") data.push(value);
  }
}

async function* linesOf(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      // A line feed completes a line; a carriage return before it belongs to the ending.
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      for (const line of lines) yield line.replace(/\r$/u, "");
    }
  } finally {
    // However the reader was left: without this the server would write to nobody.
    await reader.cancel().catch(() => {});
  }
}
