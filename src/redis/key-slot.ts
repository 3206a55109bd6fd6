const SLOTS = 16_384;
const POLYNOMIAL = 0x10_21;

/** Returns the slot of a key in Redis Cluster: a CRC16 of the hash tag in braces, or of the whole key. */
export function keySlot(key: string | Buffer): number {
  const bytes = tagged(Buffer.from(key));
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 0x80_00 ? (crc << 1) ^ POLYNOMIAL : crc << 1) & 0xff_ff;
  }
  return crc % SLOTS;
}

function tagged(key: Buffer): Buffer {
  const start = key.indexOf("{") + 1;
  const end = start === 0 ? -1 : key.indexOf("}", start);
  return end > start ? key.subarray(start, end) : key;
}
