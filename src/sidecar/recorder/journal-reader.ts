import { decodeFrames, type Frame } from '../core/frames.ts';
import type { JournalBytes } from './journal-source.ts';

/** Most bytes read at once: a backlog of large files must not be in memory all at the same time. */
const READ_SIZE = 8 * 1024 * 1024;

/** Reads the frames of one journal as it grows. Synchronous: it runs in the recorder's thread. */
export class JournalReader {
  readonly #open: () => JournalBytes;
  #journal: JournalBytes | null = null;
  #offset = 0;
  #rest: Buffer = Buffer.alloc(0);
  /** The next bytes are no frame: the journal counts as ended before them. */
  damaged = false;

  /** `open` is called when the first bytes are wanted: a backlog waits unopened. */
  constructor(open: () => JournalBytes) {
    this.#open = open;
  }

  /** How many bytes have been read. */
  get offset(): number {
    return this.#offset;
  }

  /** The journal's size now. */
  size(): number {
    return this.#bytes().size();
  }

  /** The whole frames up to byte `size` that have not been returned yet, at most 8 MB and one frame of them. */
  read(size: number): Frame[] {
    const frames: Frame[] = [];
    while (!this.damaged && this.#offset < size && frames.length === 0) {
      // Read to where it stays: a body in two buffers would be twice the garbage, and it is most of what there is.
      const known = this.#rest.length;
      const room = Buffer.allocUnsafe(known + Math.min(size - this.#offset, READ_SIZE));
      const got = this.#bytes().read(room.subarray(known), this.#offset);
      if (got === 0) break;
      this.#offset += got;
      this.#rest.copy(room);
      const bytes = room.subarray(0, known + got);
      const decoded = decodeFrames(bytes);
      frames.push(...decoded.frames);
      this.#rest = bytes.subarray(decoded.used);
      this.damaged = decoded.damaged;
    }
    return frames;
  }

  close(): void {
    this.#journal?.close();
    this.#journal = null;
  }

  #bytes(): JournalBytes {
    return (this.#journal ??= this.#open());
  }
}
