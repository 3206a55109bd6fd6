import { type ClientRequest, type IncomingMessage, request as httpRequest } from "node:http";

/** One event, as a client reads it. A comment has neither a name nor an id. */
export interface SentEvent {
  readonly id?: string;
  readonly name?: string;
  readonly data?: unknown;
  readonly comment?: string;
}

/** What a client says, and where. */
export interface Asked {
  readonly method?: string;
  readonly lastEventId?: string | undefined;
}

/** A client on a connection of its own, which it can lose at any time. */
export class EventReader {
  readonly #request: ClientRequest;
  readonly #response: IncomingMessage;
  readonly #events: AsyncGenerator<SentEvent, void>;

  private constructor(request: ClientRequest, response: IncomingMessage) {
    this.#request = request;
    this.#response = response;
    this.#events = parsed(response.setEncoding("utf8"));
  }

  /** Returns the reader when it has the headers of the response. */
  static open(url: string, { method = "GET", lastEventId }: Asked = {}): Promise<EventReader> {
    const headers = lastEventId === undefined ? {} : { "Last-Event-ID": lastEventId };
    return new Promise((resolve, reject) => {
      const request = httpRequest(url, { method, headers, agent: false }, (response) => {
        resolve(new EventReader(request, response));
      });
      request.on("error", reject).end();
    });
  }

  get status(): number | undefined {
    return this.#response.statusCode;
  }

  header(name: string): unknown {
    return this.#response.headers[name];
  }

  /** Reads so many events, or all that come until the response ends. Comments are left out. */
  async read(most = Infinity): Promise<SentEvent[]> {
    const events: SentEvent[] = [];
    while (events.length < most) {
      const { done, value } = await this.#events.next();
      if (done === true) break;
      if (value.comment === undefined) events.push(value);
    }
    return events;
  }

  /** Reads one comment. */
  async comment(): Promise<string | undefined> {
    const { value } = await this.#events.next();
    return value?.comment;
  }

  /** Loses its connection. */
  lose(): void {
    this.#request.on("error", () => {});
    this.#response.on("error", () => {});
    this.#request.destroy();
  }
}

/** Yields the events of a text that comes in parts. */
export async function* parsed(parts: AsyncIterable<string>): AsyncGenerator<SentEvent, void> {
  let rest = "";
  for await (const part of parts) {
    const blocks = (rest + part).split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) yield toEvent(block);
  }
}

function toEvent(block: string): SentEvent {
  if (block.startsWith(":")) return { comment: block.slice(1) };
  const field = (name: string): string | undefined => new RegExp(`^${name}: (.*)$`, "m").exec(block)?.[1];
  const [id, name, data] = ["id", "event", "data"].map(field);
  return {
    ...(id === undefined ? {} : { id }),
    ...(name === undefined ? {} : { name }),
    ...(data === undefined ? {} : { data: JSON.parse(data) as unknown }),
  };
}
