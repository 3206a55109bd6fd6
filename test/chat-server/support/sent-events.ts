export interface SentEvent {
  /** `""` for a comment. */
  readonly event: string;
  // What is in it, each test says by what it expects.
  readonly data: any; // oxlint-disable-line typescript/no-explicit-any
}

/** The server-sent events of a response, until it ends. */
export async function* sentEvents(response: Response): AsyncGenerator<SentEvent, void, undefined> {
  let rest = "";
  for await (const part of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    const blocks = (rest + part).split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) yield toEvent(block);
  }
}

export async function all(events: AsyncIterable<SentEvent>): Promise<SentEvent[]> {
  const heard: SentEvent[] = [];
  for await (const event of events) heard.push(event);
  return heard;
}

function toEvent(block: string): SentEvent {
  const [, event = ""] = /^event: (.*)$/m.exec(block) ?? [];
  const [, data] = /^data: (.*)$/m.exec(block) ?? [];
  return { event, data: data === undefined ? block : JSON.parse(data) };
}
