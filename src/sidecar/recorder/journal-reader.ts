import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { decodeFrames, type Frame } from '../core/frames.ts';

/** Most bytes read at once: a backlog of large files must not be in memory all at the same time. */
const READ_SIZE = 8 * 1024 * 1024;

/** Reads the frames of one journal file as it grows. Synchronous: it runs in the recorder's thread. */
export class JournalReader {
  readonly #path: string;
  #fd: number | null = null;
  #offset = 0;
  #rest: Buffer = Buffer.alloc(0);
  /** The next bytes are no frame: the file counts as ended before them. */
  damaged = false;

  constructor(path: string) {
    this.#path = path;
  }

  /** How many bytes have been read. */
  get offset(): number {
    return this.#offset;
  }

  /** The file's size now. */
  size(): number {
    return fstatSync(this.#open()).size;
  }

  /** The whole frames up to byte `size` that have not been returned yet, at most 8 MB and one frame of them. */
  read(size: number): Frame[] {
    const frames: Frame[] = [];
    while (!this.damaged && this.#offset < size && frames.length === 0) {
      const wanted = Buffer.allocUnsafe(Math.min(size - this.#offset, READ_SIZE));
      const got = readSync(this.#open(), wanted, 0, wanted.length, this.#offset);
      if (got === 0) break;
      this.#offset += got;
      const bytes = Buffer.concat([this.#rest, wanted.subarray(0, got)]);
      const decoded = decodeFrames(bytes);
      frames.push(...decoded.frames);
      this.#rest = bytes.subarray(decoded.used);
      this.damaged = decoded.damaged;
    }
    return frames;
  }

  close(): void {
    if (this.#fd !== null) closeSync(this.#fd);
    this.#fd = null;
  }

  #open(): number {
    return (this.#fd ??= openSync(this.#path, 'r'));
  }
}
