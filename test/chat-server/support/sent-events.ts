export interface SentEvent {
  /** `"comment"` for a comment, `""` for one without a name. */
  readonly event: string;
  readonly id?: string;
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

/** What was said of an answer: its events, without comments, each as `type text` or `end how`. */
export async function told(events: AsyncIterable<SentEvent>): Promise<string[]> {
  return (await all(events)).flatMap((one) => (one.event === "comment" ? [] : [inShort(one)]));
}

/** The first that is no comment. */
export async function firstSaid(events: AsyncGenerator<SentEvent, void, undefined>): Promise<SentEvent> {
  for (;;) {
    const { value } = await events.next();
    if (value === undefined) throw new Error("nothing was said");
    if (value.event !== "comment") return value;
  }
}

function inShort({ event, data }: SentEvent): string {
  if (event === "end") return `end ${data.end}`;
  if (event === "error") return `error ${data.code}`;
  if (data.type === "problem") return `problem ${data.problem.code}`;
  return `${data.type} ${data.text ?? data.name ?? data.calls?.[0]?.name}`;
}

function toEvent(block: string): SentEvent {
  const [, event = block.startsWith(":") ? "comment" : ""] = /^event: (.*)$/m.exec(block) ?? [];
  const [, id] = /^id: (.*)$/m.exec(block) ?? [];
  const [, data] = /^data: (.*)$/m.exec(block) ?? [];
  return { event, ...(id === undefined ? {} : { id }), data: data === undefined ? block : JSON.parse(data) };
}
