const POLYNOMIAL = 0x82f63b78;
const SLICES = 8;

/** `tables[n * 256 + byte]`: what a byte does to the sum with n bytes behind it, so that eight are taken at once. */
const tables = ((): Int32Array => {
  const made = new Int32Array(SLICES * 256);
  for (let byte = 0; byte < 256; byte += 1) {
    let sum = byte;
    for (let bit = 0; bit < 8; bit += 1) sum = (sum >>> 1) ^ (sum & 1 ? POLYNOMIAL : 0);
    made[byte] = sum;
  }
  for (let at = 256; at < made.length; at += 1) {
    const before = made[at - 256] ?? 0;
    made[at] = (before >>> 8) ^ (made[before & 0xff] ?? 0);
  }
  return made;
})();

const entry = (slice: number, byte: number): number => tables[slice * 256 + (byte & 0xff)] ?? 0;

/** CRC-32C (Castagnoli, RFC 3720 §B.4) of the bytes from `start` on, before `end`. */
export const crc32c = (bytes: Buffer, start: number, end: number): number => {
  let sum = -1;
  let at = start;
  for (; at + SLICES <= end; at += SLICES) {
    const low = sum ^ bytes.readInt32LE(at);
    const high = bytes.readInt32LE(at + 4);
    sum =
      entry(7, low) ^
      entry(6, low >>> 8) ^
      entry(5, low >>> 16) ^
      entry(4, low >>> 24) ^
      entry(3, high) ^
      entry(2, high >>> 8) ^
      entry(1, high >>> 16) ^
      entry(0, high >>> 24);
  }
  for (; at < end; at += 1) sum = entry(0, sum ^ (bytes[at] ?? 0)) ^ (sum >>> 8);
  return (sum ^ -1) >>> 0;
};
