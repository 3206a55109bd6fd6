import { DefaultChatTransport, type UIMessage } from "ai";

/** Returns the transport of `useChat`. `operationId` is that of the answer that ran when the chat was loaded. */
export function chatTransport(api: string, operationId?: string): DefaultChatTransport<UIMessage> {
  let current = operationId;
  return new DefaultChatTransport({
    api,
    prepareSendMessagesRequest: ({ messages, messageId, trigger }) => {
      const message = messages.at(-1);
      const text = message?.parts.map((part) => (part.type === "text" ? part.text : "")).join("");
      current = crypto.randomUUID();
      // To edit or to ask again, name the user's message: `sendMessage({ text, messageId })`, `regenerate({ messageId })`.
      const replaces = trigger === "regenerate-message" ? message?.id : messageId;
      return { body: { operationId: current, text, replaces } };
    },
    prepareReconnectToStreamRequest: ({ id, api: base }) => ({
      api: `${base}/${id}/stream${current === undefined ? "" : `?operationId=${current}`}`,
    }),
  });
}
