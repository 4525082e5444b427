import type { JournalNote } from '../core/frames.ts';
import type { JournalBytes, JournalSource } from './journal-source.ts';

interface Kept {
  parts: Uint8Array[];
  /** Where the first part begins: what was read is let go of. */
  from: number;
  size: number;
}

/**
 * The journals of live mode (`STORAGE_ENABLED=false`), in the recorder's memory. What the notes brought stays until it
 * is read, and counts until its exchange is recorded or given up; `onReleased` then hears how many bytes that was.
 */
export class MemoryJournal implements JournalSource {
  readonly #kept = new Map<string, Kept>();
  readonly #onReleased: (bytes: number) => void;
  #bytes = 0;

  constructor(onReleased: (bytes: number) => void) {
    this.#onReleased = onReleased;
  }

  /** Bytes that have come and belong to an exchange that is not recorded yet. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Takes the bytes of a note. False when they do not go on from what is here: their beginning went down with an
   * earlier recorder thread, or their exchange is over for the recorder.
   */
  add({ id, added }: JournalNote): boolean {
    if (added === undefined) return this.#kept.has(id);
    const known = this.#kept.get(id);
    if ((known?.size ?? 0) !== added.from) {
      this.#onReleased(added.bytes.length);
      return false;
    }
    const kept = known ?? { parts: [], from: 0, size: 0 };
    if (known === undefined) this.#kept.set(id, kept);
    kept.parts.push(added.bytes);
    kept.size += added.bytes.length;
    this.#bytes += added.bytes.length;
    return true;
  }

  open(id: string): JournalBytes {
    const kept = this.#kept.get(id);
    if (kept === undefined) throw new Error('Nothing is known of this exchange');
    return {
      size: () => kept.size,
      read: (target, position) => readFrom(kept, target, position),
      close: () => undefined,
    };
  }

  remove(id: string): void {
    const kept = this.#kept.get(id);
    if (kept === undefined) return;
    this.#kept.delete(id);
    this.#bytes -= kept.size;
    this.#onReleased(kept.size);
  }

  /** Nothing is kept aside in memory. */
  setAside(id: string): void {
    this.remove(id);
  }
}

/** Reads on, and lets go of the parts before `position`: a journal is read once, from its beginning to its end. */
function readFrom(kept: Kept, target: Buffer, position: number): number {
  for (let first = kept.parts[0]; first !== undefined; first = kept.parts[0]) {
    if (kept.from + first.length > position) break;
    kept.parts.shift();
    kept.from += first.length;
  }
  let done = 0;
  let at = kept.from;
  for (const part of kept.parts) {
    if (done === target.length) break;
    const piece = part.subarray(Math.max(position + done - at, 0)).subarray(0, target.length - done);
    target.set(piece, done);
    done += piece.length;
    at += part.length;
  }
  return done;
}
