import type { NodeRedisConnection } from "./node-redis-client.js";
import type { ChannelListener, Subscriber } from "./port.js";
import { reconnectDelay } from "./reconnect-delay.js";

/**
 * Opens a connection that listens to channels, and opens another one whenever it ends. node-redis itself would
 * reconnect to the same server, even if that has gone, and would not report when its subscriptions work again.
 *
 * @param connectionToCopy returns the connection to duplicate. Called each time, because another server may have become
 * the primary.
 */
export function subscribe(
  connectionToCopy: () => Promise<NodeRedisConnection>,
  { onMessage, onSubscribed }: ChannelListener,
): Subscriber {
  const channels = new Set<string>();
  let opening: NodeRedisConnection | undefined;
  let connection: NodeRedisConnection | undefined;
  let closed = false;
  let failures = 0;
  let timer: NodeJS.Timeout | undefined;

  const hear = (message: string, channel: string): void => onMessage(channel, message);
  const subscribeTo = (channel: string): void => {
    const told = (): void => {
      if (channels.has(channel)) onSubscribed(channel);
    };
    // If the connection has ended again, this rejects. The next connection subscribes anew.
    connection?.subscribe(channel, hear).then(told, () => {});
  };
  const openLater = (): void => {
    connection = undefined;
    if (!closed) timer = setTimeout(() => void open(), reconnectDelay(++failures));
  };
  const open = async (): Promise<void> => {
    try {
      const original = await connectionToCopy();
      if (closed) return;
      // Turn reconnecting off, because this function opens the next connection.
      const copy = original.duplicate({ socket: { ...original.options?.socket, reconnectStrategy: false } });
      opening = copy;
      // Errors of the connection need no handling: `onSubscribed` is called when the next connection is ready.
      copy.on("error", () => {
        if (connection === copy && !copy.isOpen) openLater();
      });
      await copy.connect();
      // close() could not destroy the connection while it was being opened.
      if (closed) return copy.destroy();
      if (!copy.isReady) return openLater();
      connection = copy;
      failures = 0;
      channels.forEach(subscribeTo);
    } catch {
      openLater();
    }
  };
  void open();
  return {
    listen: (channel) => {
      channels.add(channel);
      subscribeTo(channel);
    },
    leave: (channel) => {
      channels.delete(channel);
      connection?.unsubscribe(channel, hear).catch(() => {});
    },
    close: () => {
      closed = true;
      clearTimeout(timer);
      if (connection === undefined) opening?.unref();
      else connection.destroy();
    },
  };
}
