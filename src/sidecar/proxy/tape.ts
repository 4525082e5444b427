import { createHash, type Hash } from 'node:crypto';
import type { EndFrame, RequestBodyNote } from '../core/frames.ts';
import { contentLength } from './headers.ts';
import type { Journal } from './journal.ts';
import { isMessagesPath } from './paths.ts';
import type { TrafficLog } from './traffic-log.ts';
import { startRecording, type Arrival, type RecordPolicy, type Recording } from './record.ts';

/**
 * The recording of one exchange, begun when it is first needed and ended once. A request body is given whole
 * (`whole`) before that, or piece by piece (`piece`) as it streams by; the pieces are written in one frame when the
 * request has ended or its exchange is over.
 */
export class Tape {
  readonly #journal: Journal | null;
  readonly #arrival: Arrival;
  readonly #policy: RecordPolicy;
  readonly #limit: number;
  readonly #shown: TrafficLog | null;
  readonly #upload = new Measure();
  /** null: the response of a message is recorded whatever its size. */
  readonly #download: Measure | null;
  #pieces: Buffer[] = [];
  #whole: Buffer | null = null;
  #streamed = false;
  #streamWritten = false;
  #recording: Recording | null = null;
  #announced = 0;
  #ended = false;
  #late = false;

  constructor(
    journal: Journal | null,
    arrival: Arrival,
    policy: RecordPolicy,
    recordLimit: number,
    shown: TrafficLog | null,
  ) {
    this.#shown = shown;
    this.#journal = journal;
    this.#arrival = arrival;
    this.#policy = policy;
    this.#limit = recordLimit;
    this.#download = isMessagesPath(arrival.path) ? null : new Measure();
  }

  whole(body: Buffer): void {
    this.#whole = body;
    this.#shown?.requestBody(body);
  }

  piece(chunk: Buffer): void {
    this.#streamed = true;
    this.#shown?.requestBody(chunk);
    this.#upload.add(chunk);
    if (this.#upload.size <= this.#limit) this.#pieces.push(chunk);
    else this.#pieces = [];
  }

  get begun(): boolean {
    return this.#recording !== null;
  }

  begin(): Recording {
    this.#recording ??= startRecording(this.#journal, this.#arrival, this.#whole, this.#policy);
    return this.#recording;
  }

  responseHead(status: number, statusText: string, rawHeaders: readonly string[], ours: boolean): void {
    this.#announced = contentLength(rawHeaders) ?? 0;
    this.#shown?.responseHead(status, rawHeaders, ours);
    this.begin().responseHead({ status, statusText, rawHeaders, ours });
  }

  /** Call before the client's write. `more`: the end follows before that, and is written with it. */
  chunk(bytes: Buffer, more = false): void {
    this.#shown?.chunk(bytes);
    if (this.#download !== null) {
      this.#download.add(bytes);
      if (Math.max(this.#download.size, this.#announced) > this.#limit) return;
    }
    this.begin().chunk(bytes, more);
  }

  /** Call before the client gets a head without a chunk: it waited for one, to be written with it. */
  flush(): void {
    this.begin().flush();
  }

  /** The streamed request body has been seen to its end, or will not be. */
  bodyEnded(): void {
    if (!this.#streamed || this.#streamWritten) return;
    this.#streamWritten = true;
    if (this.#upload.size <= this.#limit) this.begin().requestBody(Buffer.concat(this.#pieces));
    this.#pieces = [];
  }

  end(reason: EndFrame['reason'], error: EndFrame['error']): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#shown?.end(reason, error?.message ?? null);
    this.bodyEnded();
    this.begin().end({
      reason,
      error,
      requestNote: this.#upload.note(this.#limit),
      // What was announced but did not come is no large body: its chunks are missing all the same.
      responseNote: this.#download?.note(this.#announced > this.#limit ? 0 : this.#limit) ?? null,
    });
  }

  /** null when the journal has everything so far. */
  unsettled(): Promise<void> | null {
    return this.#recording?.unsettled() ?? null;
  }

  /** Calls `next` when the journal has everything, or after `ms` without it: that is noted, and waited for once only. */
  settle(ms: number, next: () => void): void {
    const unsettled = this.unsettled();
    if (unsettled === null || this.#late) {
      next();
      return;
    }
    let done = false;
    const proceed = (): void => {
      if (done) return;
      done = true;
      clearTimeout(timer);
      next();
    };
    const timer = setTimeout(() => {
      // The last chunk and the end may wait for the same write.
      if (!this.#late) this.#recording?.late();
      this.#late = true;
      proceed();
    }, ms);
    void unsettled.then(proceed);
  }
}

/** Size and hash of what streams by. Most exchanges stream nothing: the hash is made when there is something. */
class Measure {
  #hash: Hash | null = null;
  size = 0;

  add(chunk: Buffer): void {
    this.size += chunk.length;
    this.#hash ??= createHash('sha256');
    this.#hash.update(chunk);
  }

  /** What stands for a body over the limit; null for one within it. */
  note(limit: number): RequestBodyNote | null {
    if (this.size <= limit || this.#hash === null) return null;
    return { size: this.size, sha256: this.#hash.copy().digest('hex') };
  }
}
