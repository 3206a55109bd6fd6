import type { NodeRedisConnection } from "./node-redis-client.js";
import type { ChannelListener, Subscriber } from "./port.js";
import { reconnectDelay } from "./reconnect-delay.js";

/**
 * Opens a connection that listens to channels, and another one whenever it ends. node-redis would reconnect by itself, to
 * the same server however long that is away, and does not tell when its subscriptions stand again.
 *
 * @param connectionToCopy asked for each time, because another server may have become the primary.
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
    // A connection that is gone again rejects; the next one subscribes anew.
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
      // Its end is final, and this function makes the next one.
      const copy = original.duplicate({ socket: { ...original.options?.socket, reconnectStrategy: false } });
      opening = copy;
      // The error of a connection is no news here: `onSubscribed` is called when the next connection stands.
      copy.on("error", () => {
        if (connection === copy && !copy.isOpen) openLater();
      });
      await copy.connect();
      // While it was being opened, there was nothing that could be destroyed.
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
