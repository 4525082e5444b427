import type { ServerResponse } from 'node:http';
import type { Flow } from './attempt.ts';
import type { ExchangeContext } from './exchange-context.ts';
import type { Stopwatch } from './finished.ts';
import { contentLength, forClient, pairs } from './headers.ts';
import type { Arrival } from './record.ts';
import type { Tape } from './tape.ts';

const NO_BYTES = Buffer.alloc(0);

/**
 * The upstream's answer on its way to the client: what comes is given to the tape first, then passed on in the same
 * turn. Only the last chunk ever waits, for a journal that is slow.
 */
export class Delivery {
  readonly #context: ExchangeContext;
  readonly #arrival: Arrival;
  readonly #response: ServerResponse;
  readonly #tape: Tape;
  readonly #watch: Stopwatch;
  #flow: Flow | null = null;
  /** What came with one read of the upstream's socket. */
  #arrived: Buffer[] = [];
  /** The last chunk, while it waits for the journal. */
  #held: Buffer | null = null;
  #over = false;
  #bytesOut = false;
  #chunked = false;
  /** Body bytes the client has still to get; null when the response does not say. */
  #left: number | null = null;
  /** The client has been answered, by the upstream or by us: from here on an answer can only be cut. */
  headSent = false;

  constructor(
    context: ExchangeContext,
    arrival: Arrival,
    response: ServerResponse,
    tape: Tape,
    watch: Stopwatch,
  ) {
    this.#context = context;
    this.#arrival = arrival;
    this.#response = response;
    this.#tape = tape;
    this.#watch = watch;
  }

  head(status: number, statusText: string, raw: string[], flow: Flow): void {
    const response = this.#response;
    this.#flow = flow;
    this.#watch.head(status);
    const bodiless = this.#arrival.method === 'HEAD' || status === 204 || status === 304;
    const length = contentLength(raw);
    this.#left = bodiless ? 0 : length;
    this.#chunked = !bodiless && length === null && this.#arrival.httpVersion !== '1.0';
    const added = ['x-nexus-request-id', this.#arrival.id];
    if (this.#context.isClosing()) added.push('Connection', 'close');
    response.sendDate = false;
    // undici decodes the reason as UTF-8, Node writes Latin-1: this way the bytes stay.
    response.writeHead(
      status,
      Buffer.from(statusText).toString('latin1'),
      forClient(raw, this.#chunked, added),
    );
    this.headSent = true;
    this.#tape.responseHead(status, statusText, raw, false);
    // The head goes with the first chunk if that came with it, else by itself. (Not `flushHeaders`: it writes UTF-8.)
    queueMicrotask(() => {
      this.passOn();
      if (this.#bytesOut || this.#over) return;
      this.#tape.flush();
      response.write(NO_BYTES);
    });
  }

  chunk(chunk: Buffer): void {
    if (this.#arrived.length === 0) queueMicrotask(this.passOn);
    this.#arrived.push(chunk);
  }

  /**
   * One read often holds many of the upstream's chunks (a stream of small events): they are recorded and passed on
   * together, in the same turn, which saves a write per chunk (0.2 ms to the first byte of a short answer).
   */
  readonly passOn = (): void => {
    const chunk = this.#take();
    if (chunk === null) return;
    this.release();
    this.#tape.chunk(chunk);
    if (this.#left !== null) this.#left -= chunk.length;
    if (this.#tape.unsettled() === null || !(this.#left === 0 || chunk.includes('message_stop'))) {
      this.#write(chunk);
      return;
    }
    this.#held = chunk;
    this.#flow?.pause();
    this.#tape.settle(this.#context.lastWriteMs, () => {
      if (this.#over) return;
      this.release();
      if (!this.#response.writableNeedDrain) this.#flow?.resume();
    });
  };

  /** Ends the tape; calls `delivered` when the client has been given everything but the end of its response. */
  end(trailers: string[], delivered: () => void): void {
    const last = this.#take();
    if (last !== null) {
      this.release();
      this.#tape.chunk(last, true);
      this.#held = last;
    }
    this.#tape.end('complete', null);
    this.#tape.settle(this.#context.lastWriteMs, () => {
      if (this.#over) return;
      this.release();
      this.#over = true;
      if (this.#chunked && trailers.length > 0) this.#response.addTrailers(pairs(trailers));
      delivered();
    });
  }

  /** Writes what waits for the journal: it waited long enough, or the upstream ended meanwhile. */
  release(): void {
    if (this.#held !== null) this.#write(this.#held);
    this.#held = null;
  }

  /** Nothing more is written from here on. */
  stop(): void {
    this.#over = true;
  }

  #take(): Buffer | null {
    const pieces = this.#arrived;
    const [only] = pieces;
    if (only === undefined) return null;
    this.#arrived = [];
    return pieces.length === 1 ? only : Buffer.concat(pieces);
  }

  #write(chunk: Buffer): void {
    this.#bytesOut = true;
    this.#watch.byte();
    if (this.#response.write(chunk)) return;
    this.#flow?.pause();
    this.#response.once('drain', () => {
      this.#flow?.resume();
    });
  }
}
