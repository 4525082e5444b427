import {
  encodeFrame,
  encodeFrameParts,
  FrameKind,
  type EndFrame,
  type FrameKind as Kind,
  type RequestHead,
  type ResponseHead,
} from '../core/frames.ts';
import type { JournalFiles } from './files.ts';

interface TimedFrame {
  kind: Kind;
  at: number;
  payload: Buffer;
}

/** What one journal file needs from the journal it belongs to. */
export interface JournalFileContext {
  files: JournalFiles;
  /** Milliseconds since the epoch, for the frames. */
  now: () => number;
  /** A monotonic clock in ms, to notice a slow write. */
  clock: () => number;
  slowMs: number;
  /** Most bytes one exchange may have waiting for a slow disk. */
  queueBytes: number;
  /** True: begin in the queue, since the disk was slow a moment ago. */
  slowNow: boolean;
  /** May these bytes still be written? An error says why not. */
  admit(bytes: number): Error | null;
  /** `size` bytes of the file are on disk (whole frames only). */
  grown(id: string, size: number, added: number, ended: boolean): void;
  slow(): void;
  late(id: string): void;
  /** Recording was given up; told once for a file. */
  dropped(id: string, error: Error): void;
  /** Something else went wrong with the file, which costs nothing that was recorded. */
  problem(error: Error): void;
}

/**
 * The write-ahead journal of one exchange. Each frame is written synchronously, before the client gets the bytes; a
 * write slower than `slowMs` moves the rest to a bounded queue that a slow disk works off by itself. When recording
 * has to be given up the file keeps its whole frames and counts as ended: the recorder stores what there is.
 */
export class JournalFile {
  readonly #id: string;
  readonly #path: string;
  readonly #context: JournalFileContext;
  #fd: number | null = null;
  #size = 0;
  #queued: boolean;
  #over = false;
  #queue: Buffer[] = [];
  #queueBytes = 0;
  #working: Promise<void> | null = null;
  #endQueued = false;
  #torn = false;
  /** Frames that are written with the next one. */
  #waiting: TimedFrame[] = [];

  /** `body`: the request body, where all of it is known by now. */
  constructor(path: string, head: RequestHead, body: Buffer | null, context: JournalFileContext) {
    this.#id = head.id;
    this.#path = path;
    this.#context = context;
    this.#queued = context.slowNow;
    try {
      this.#fd = context.files.create(path);
    } catch (error) {
      this.#drop(error);
      return;
    }
    this.#add(FrameKind.requestHead, Buffer.from(JSON.stringify(head)));
    if (body !== null) this.#add(FrameKind.requestBody, body);
    this.flush();
  }

  /** The whole request body, redacted, where it was not known at the beginning. */
  body(bytes: Buffer): void {
    this.#add(FrameKind.requestBody, bytes);
    this.flush();
  }

  /** Is written with what follows, or by `flush`, which must come before the client gets it. */
  responseHead(head: ResponseHead): void {
    this.#add(FrameKind.responseHead, Buffer.from(JSON.stringify(head)));
  }

  /** Response bytes as they arrived, redacted. Call before the client's write; `more` as for a head. */
  chunk(bytes: Buffer, more = false): void {
    this.#add(FrameKind.chunk, bytes);
    if (!more) this.flush();
  }

  end(frame: EndFrame): void {
    this.#endQueued = true;
    this.#add(FrameKind.end, Buffer.from(JSON.stringify(frame)));
    this.flush();
  }

  /** null when all frames are on disk, else a promise of that (it never rejects). */
  unsettled(): Promise<void> | null {
    return this.#working;
  }

  /** The client went ahead of the disk: it has its last byte, and this exchange is not yet safe. */
  late(): void {
    this.#context.late(this.#id);
  }

  #add(kind: Kind, payload: Buffer): void {
    this.#waiting.push({ kind, at: this.#context.now(), payload });
  }

  /** One write for what waits: of a short answer that saves two of three, each 15 µs with all around it. */
  flush(): void {
    const frames = this.#waiting;
    if (frames.length === 0) return;
    this.#waiting = [];
    if (this.#over || this.#fd === null) return;
    const refusal = this.#context.admit(frames.reduce((sum, { payload }) => sum + payload.length, 0));
    if (refusal !== null) {
      this.#drop(refusal);
    } else if (this.#queued) {
      for (const { kind, at, payload } of frames) this.#enqueue(encodeFrame(kind, at, payload));
    } else {
      const parts = frames.flatMap(({ kind, at, payload }) => encodeFrameParts(kind, at, payload));
      this.#writeNow(this.#fd, joined(parts), frames.at(-1)?.kind === FrameKind.end);
    }
  }

  #writeNow(fd: number, parts: Buffer[], last: boolean): void {
    const { files, clock, slowMs } = this.#context;
    const started = clock();
    let added = 0;
    try {
      for (const part of parts) {
        for (let done = 0; done < part.length;) {
          done += progress(files.write(fd, part, done, this.#size + added + done));
        }
        added += part.length;
      }
    } catch (error) {
      this.#drop(error);
      return;
    }
    if (clock() - started > slowMs) {
      this.#queued = true;
      this.#context.slow();
    }
    this.#written(added, last);
  }

  #enqueue(frame: Buffer): void {
    if (this.#queueBytes + frame.length > this.#context.queueBytes) {
      this.#drop(new Error('the disk is too slow: the queue of this exchange is full'));
      return;
    }
    this.#queue.push(frame);
    this.#queueBytes += frame.length;
    this.#working ??= this.#work();
  }

  async #work(): Promise<void> {
    try {
      for (let frame = this.#queue[0]; frame !== undefined; frame = this.#queue[0]) {
        for (let done = 0; done < frame.length;) {
          if (this.#over || this.#fd === null) return;
          done += progress(await this.#context.files.writeLater(this.#fd, frame, done, this.#size + done));
        }
        this.#queue.shift();
        this.#queueBytes -= frame.length;
        this.#written(frame.length, this.#endQueued && this.#queue.length === 0);
      }
    } catch (error) {
      this.#drop(error);
    } finally {
      this.#working = null;
      // Dropped while a write was under way: the file could not be closed under its feet.
      if (this.#over) this.#close();
    }
  }

  #written(added: number, last: boolean): void {
    if (this.#over) return;
    this.#size += added;
    this.#context.grown(this.#id, this.#size, added, last);
    if (last) {
      this.#over = true;
      this.#close();
    }
  }

  #drop(cause: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.#torn = true;
    this.#queue = [];
    this.#context.dropped(this.#id, asError(cause));
    if (this.#working === null) this.#close();
    if (this.#size > 0) this.#context.grown(this.#id, this.#size, 0, true);
  }

  /** Leaves whole frames only, or no file at all. */
  #close(): void {
    if (this.#fd === null) return;
    const fd = this.#fd;
    this.#fd = null;
    const { files } = this.#context;
    const attempts = [
      () => {
        // Only a write that failed leaves part of a frame; for all others this is a system call saved.
        if (this.#torn) files.truncate(fd, this.#size);
      },
      () => {
        files.close(fd);
      },
      () => {
        if (this.#size === 0) files.remove(this.#path);
      },
    ];
    for (const attempt of attempts) {
      try {
        attempt();
      } catch (error) {
        this.#context.problem(asError(error));
      }
    }
  }
}

/** Small pieces as one write. */
function joined(parts: Buffer[]): Buffer[] {
  const small = parts.length > 1 && parts.every((part) => part.length < 32 * 1024);
  return small ? [Buffer.concat(parts)] : parts;
}

const asError = (cause: unknown): Error => (cause instanceof Error ? cause : new Error(String(cause)));

/** A write that takes nothing and reports no error would be repeated for ever. */
function progress(written: number): number {
  if (written <= 0) throw new Error('the journal file takes no more bytes');
  return written;
}
