import type { ChainItem } from './split.ts';

/**
 * The items of a run as bytes. `text` is what can be compressed, `cut` the bytes that signatures stand for: in base64 they
 * take a third more, and their letters spoil the codes of the words around them (3 % of a turn, more where thinking is
 * signed at length). Texts and cuts of runs can be put together: those of both in one are the same bytes.
 */
export interface RunBytes {
  text: Buffer;
  cut: Buffer;
}

/** Stands in `text` where something was cut out. */
const HOLE = 1;
const SIGNED = [Buffer.from('"signature":"'), Buffer.from('"data":"')];
const SIGNATURE = /(?<="(?:signature|data)":")[A-Za-z0-9+/]{64,}={0,2}(?=")/g;

/** Of each item: the length of its shell plus one (0: none), the shell, twice the length of its block (plus one: with
 * cuts, their number and lengths), the block. */
export function encodeRun(items: readonly ChainItem[]): RunBytes {
  const parts: Buffer[] = [];
  const cuts: Buffer[] = [];
  for (const { shell, block } of items) {
    parts.push(shell === null ? varint(0) : varint(shell.length + 1));
    if (shell !== null) parts.push(shell);
    const taken = cutOut(block);
    if (taken === null) parts.push(varint(2 * block.length), block);
    else {
      const lengths = taken.cuts.map((cut) => varint(cut.length));
      parts.push(varint(2 * taken.text.length + 1), varint(lengths.length), ...lengths, taken.text);
      cuts.push(...taken.cuts);
    }
  }
  return { text: Buffer.concat(parts), cut: Buffer.concat(cuts) };
}

/** Throws for what `encodeRun` did not write. */
export function decodeRun({ text, cut }: RunBytes): ChainItem[] {
  const items: ChainItem[] = [];
  const reader = new Reader(text);
  const cuts = new Reader(cut);
  while (!reader.done) {
    const opens = reader.varint();
    const shell = opens === 0 ? null : reader.take(opens - 1);
    const size = reader.varint();
    if (size % 2 === 0) items.push({ shell, block: reader.take(size / 2) });
    else {
      const lengths = Array.from({ length: reader.varint() }, () => reader.varint());
      const block = reader.take((size - 1) / 2);
      items.push({
        shell,
        block: putBack(
          block,
          lengths.map((length) => cuts.take(length)),
        ),
      });
    }
  }
  if (!cuts.done) throw damaged();
  return items;
}

/** A run as one piece of bytes, its text packed by `pack`; and back. */
export function joinRun({ cut }: RunBytes, packed: Buffer): Buffer {
  return Buffer.concat([varint(cut.length), cut, packed]);
}

export function partRun(bytes: Buffer, unpack: (packed: Buffer) => Buffer): RunBytes {
  const reader = new Reader(bytes);
  const cut = reader.take(reader.varint());
  return { text: unpack(reader.rest()), cut };
}

/** The block without its signatures; null: it has none, or they cannot be cut out. */
function cutOut(block: Buffer): { text: Buffer; cuts: Buffer[] } | null {
  // No JSON has the hole's byte; a block that does all the same stays as it is.
  if (!SIGNED.some((name) => block.includes(name)) || block.includes(HOLE)) return null;
  const cuts: Buffer[] = [];
  const text = block.toString('latin1').replace(SIGNATURE, (base64) => {
    const bytes = Buffer.from(base64, 'base64');
    if (bytes.toString('base64') !== base64) return base64;
    cuts.push(bytes);
    return String.fromCharCode(HOLE);
  });
  return cuts.length === 0 ? null : { text: Buffer.from(text, 'latin1'), cuts };
}

function putBack(block: Buffer, cuts: readonly Buffer[]): Buffer {
  const parts: Buffer[] = [];
  let from = 0;
  for (const cut of cuts) {
    const hole = block.indexOf(HOLE, from);
    if (hole < 0) throw damaged();
    parts.push(block.subarray(from, hole), Buffer.from(cut.toString('base64'), 'latin1'));
    from = hole + 1;
  }
  return Buffer.concat([...parts, block.subarray(from)]);
}

const damaged = (): Error => new Error('A run of a chain is damaged');

/** Reads bytes one after the other; throws where they end too early. */
class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#at === this.#bytes.length;
  }

  varint(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined || shift > 28) throw damaged();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  }

  take(length: number): Buffer {
    if (this.#at + length > this.#bytes.length) throw damaged();
    return this.#bytes.subarray(this.#at, (this.#at += length));
  }

  rest(): Buffer {
    return this.take(this.#bytes.length - this.#at);
  }
}

/** Seven bits a byte, the lowest first. */
function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
  return Buffer.from(bytes);
}
