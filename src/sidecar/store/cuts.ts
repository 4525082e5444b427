import type { Cut } from '../core/cuts.ts';

/**
 * The cuts of rows older than `response_packed`: for each chunk its length and the time since the previous one in
 * tenths of a millisecond, both as LEB128 numbers.
 */
export function unpackOldCuts(bytes: Buffer): Cut[] {
  const cuts: Cut[] = [];
  let at = 0;
  let offset = 0;
  while (at < bytes.length) {
    const length = readNumber();
    offset += readNumber();
    cuts.push({ length, offsetMs: offset / 10 });
  }
  return cuts;

  function readNumber(): number {
    let value = 0;
    for (let scale = 1; at < bytes.length; scale *= 128) {
      const byte = bytes[at++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
    }
    return value;
  }
}
