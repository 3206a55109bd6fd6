export const SLOTS = 16_384;

/** The slot that Redis Cluster puts a key into: CRC16 of its hash tag. `capacity.test.ts` asks Redis whether it is. */
export function slotOf(key: string): number {
  const open = key.indexOf("{");
  const close = key.indexOf("}", open + 1);
  return crc16(open !== -1 && close > open + 1 ? key.slice(open + 1, close) : key) % SLOTS;
}

/** Each shard has a range of slots, as even as can be. */
export function shardOf(slot: number, shards: number): number {
  return Math.floor((slot * shards) / SLOTS);
}

// CRC-16/XMODEM, one step a byte.
const table = Uint16Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte << 8;
  for (let bit = 0; bit < 8; bit++) remainder = remainder & 0x8000 ? (remainder << 1) ^ 0x1021 : remainder << 1;
  return remainder;
});

function crc16(text: string): number {
  let remainder = 0;
  for (const byte of Buffer.from(text)) remainder = ((remainder << 8) ^ (table[(remainder >> 8) ^ byte] ?? 0)) & 0xffff;
  return remainder;
}
