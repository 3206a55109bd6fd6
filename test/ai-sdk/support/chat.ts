import { AbstractChat, type ChatState, type ChatStatus, type ChatTransport, type UIMessage } from "ai";

/** What `useChat` keeps of a chat, without React. */
class PlainState implements ChatState<UIMessage> {
  status: ChatStatus = "ready";
  error: Error | undefined;
  messages: UIMessage[];

  constructor(messages: UIMessage[]) {
    this.messages = messages;
  }

  pushMessage = (message: UIMessage): void => {
    this.messages = [...this.messages, message];
  };

  popMessage = (): void => {
    this.messages = this.messages.slice(0, -1);
  };

  replaceMessage = (index: number, message: UIMessage): void => {
    this.messages = this.messages.with(index, structuredClone(message));
  };

  snapshot = <Thing>(thing: Thing): Thing => structuredClone(thing);
}

/** How the last answer of a chat ended, as the SDK says it. */
export interface Finished {
  readonly isAbort: boolean;
  readonly isError: boolean;
}

/** The chat of the AI SDK, as a page has it. */
export class Page extends AbstractChat<UIMessage> {
  readonly finished: Finished[];

  constructor(id: string, transport: ChatTransport<UIMessage>, messages: UIMessage[] = []) {
    const finished: Finished[] = [];
    super({
      id,
      transport,
      state: new PlainState(messages),
      onFinish: ({ isAbort, isError }) => finished.push({ isAbort, isError }),
      onError: () => {},
    });
    this.finished = finished;
  }

  /** The text of the last message. */
  get text(): string {
    return textOf(this.lastMessage);
  }
}

export function textOf(message: UIMessage | undefined): string {
  return message?.parts.map((part) => (part.type === "text" ? part.text : "")).join("") ?? "";
}
