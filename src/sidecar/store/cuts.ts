/** How a response arrived: the decoded length of each chunk and when it came, in ms since the request began. */
export interface Cut {
  length: number;
  offsetMs: number;
}

/**
 * Cuts as bytes: for each chunk its length and the time since the previous one in tenths of a millisecond, both as
 * LEB128 numbers. Two to four bytes a chunk.
 */
export function packCuts(cuts: Cut[]): Buffer {
  const out: number[] = [];
  let before = 0;
  for (const { length, offsetMs } of cuts) {
    const at = Math.max(before, Math.round(offsetMs * 10));
    pushNumber(out, length);
    pushNumber(out, at - before);
    before = at;
  }
  return Buffer.from(out);
}

export function unpackCuts(bytes: Buffer): Cut[] {
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

function pushNumber(out: number[], value: number): void {
  let rest = value;
  while (rest >= 128) {
    out.push((rest % 128) | 0x80);
    rest = Math.floor(rest / 128);
  }
  out.push(rest);
}
