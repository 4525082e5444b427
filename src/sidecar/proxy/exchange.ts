import type { IncomingMessage, ServerResponse } from 'node:http';
import type { EndReason } from '../core/frames.ts';
import { withUpstreamAuth, type UpstreamAuth } from '../core/upstream-credential.ts';
import { discardBody, readBody, streamBody } from './body.ts';
import { noAccount, stopping, tooLarge, type Failure } from './failure.ts';
import type { ExchangeContext } from './exchange-context.ts';
import { Stopwatch } from './finished.ts';
import { contentLength, forClient, forUpstream, fromBytes, hasBody, pairs } from './headers.ts';
import { isMessagesPath } from './paths.ts';
import type { Arrival } from './record.ts';
import { ownAnswer, respond } from './respond.ts';
import type { Flow, Outgoing } from './attempt.ts';
import { send, type Sending } from './send.ts';
import { Tape } from './tape.ts';

const NO_BYTES = Buffer.alloc(0);
/** A request that waits for its connection is shown as running after this long. */
const SHOW_WAITING_MS = 25;
/**
 * The journal comes after the bytes, and not at once: while this thread works on, the system leaves the upstream's
 * side waiting for the processor it was woken on (loopback, first byte of 1 MB 2.0 ms, now 1.6). An answer that is
 * faster waits for it all the same.
 */
const RECORD_AFTER_MS = 1;

/**
 * One request with its response on its way through. Callbacks run on the raw streams; the one thing ever waited for is
 * the journal's last write on a slow disk, for `lastWriteMs`.
 */
export class Exchange {
  readonly #context: ExchangeContext;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #arrival: Arrival;
  readonly #tape: Tape;
  #auth: UpstreamAuth | null = null;
  readonly #watch: Stopwatch;
  #streamed = false;
  #showWaiting: NodeJS.Timeout | null = null;
  #sending: Sending | null = null;
  #flow: Flow | null = null;
  /** What came with one read of the upstream's socket. */
  #arrived: Buffer[] = [];
  /** The last chunk, while it waits for the journal. */
  #held: Buffer | null = null;
  #over = false;
  #headSent = false;
  #bytesOut = false;
  #chunked = false;
  /** Body bytes the client has still to get; null when the response does not say. */
  #left: number | null = null;

  constructor(
    context: ExchangeContext,
    request: IncomingMessage,
    response: ServerResponse,
    arrival: Arrival,
  ) {
    this.#context = context;
    this.#request = request;
    this.#response = response;
    this.#arrival = arrival;
    this.#tape = new Tape(
      context.journal,
      arrival,
      context.policy,
      context.recordLimit,
      context.trafficLog?.(arrival) ?? null,
    );
    this.#watch = new Stopwatch(arrival.path);
  }

  run(): void {
    const { credential } = this.#arrival;
    if (credential?.auth.type !== 'oauth') {
      this.#forward(credential?.auth ?? null);
      return;
    }
    // The body is not read before the token is there: the client's connection waits, not this process's memory.
    credential.auth.token().then(
      (token) => {
        if (!this.#over) this.#forward({ type: 'oauth', token });
      },
      (cause: unknown) => {
        this.#answerOurselves(noAccount(cause), 'upstream-error');
      },
    );
  }

  /** `auth` null: with the client's own headers. */
  #forward(auth: UpstreamAuth | null): void {
    this.#auth = auth;
    const { rawHeaders } = this.#arrival;
    if (!hasBody(rawHeaders)) {
      this.#request.resume();
      this.#send(null);
    } else if (isMessagesPath(this.#arrival.path)) {
      readBody(this.#request, this.#context.bodyLimit, contentLength(rawHeaders), {
        done: (body) => {
          if (this.#over) return;
          this.#tape.whole(body);
          this.#send(body);
        },
        tooLarge: () => {
          this.#answerOurselves(tooLarge(this.#context.bodyLimit), 'complete');
        },
      });
    } else {
      this.#streamed = true;
      const body = streamBody(this.#request, (chunk) => {
        this.#tape.piece(chunk);
        this.#sending?.alive();
      });
      this.#send(body);
    }
  }

  /** The client's connection is gone: the upstream request ends at once (SPEC 1.4). */
  clientGone(): void {
    this.#passOn();
    this.#stop('client-aborted', null);
  }

  /** The grace of a shutdown is over. */
  shutDown(): void {
    if (this.#over) return;
    if (!this.#headSent) {
      this.#sending?.abort();
      this.#answerOurselves(stopping(), 'shutdown');
      return;
    }
    this.#passOn();
    this.#stop('shutdown', {
      code: 'shutting_down',
      message: 'The sidecar was stopped while this was running.',
    });
    this.#cut();
  }

  #send(body: Buffer | AsyncIterable<Buffer> | null): void {
    const { upstream } = this.#context;
    const { method, path, rawHeaders } = this.#arrival;
    const headers = forUpstream(rawHeaders);
    const begin = (): void => {
      if (this.#showWaiting !== null) clearTimeout(this.#showWaiting);
      this.#tape.begin();
    };
    this.#sending = send(
      {
        origin: upstream.origin,
        path: upstream.basePath + path,
        method,
        headers: this.#auth === null ? headers : withUpstreamAuth(headers, this.#auth),
        body,
        afterRefusal: this.#afterRefusal(headers),
      },
      {
        sent: () => {
          setTimeout(begin, RECORD_AFTER_MS);
        },
        head: (status, statusText, raw, flow) => {
          this.#head(status, statusText, fromBytes(raw), flow);
        },
        data: (chunk) => {
          if (this.#arrived.length === 0) queueMicrotask(this.#passOn);
          this.#arrived.push(chunk);
        },
        end: (trailers) => {
          this.#end(fromBytes(trailers));
        },
        again: (why, tried, waitMs) => {
          this.#context.meter?.retried();
          this.#context.log.warn('Trying the upstream again', {
            exchange: this.#arrival.id,
            [typeof why === 'number' ? 'status' : 'error']: why,
            tried,
            waitMs: Math.round(waitMs),
          });
        },
        failed: (failure, cause) => {
          this.#passOn();
          this.#failed(failure, cause);
        },
      },
      this.#context.send,
    );
    if (this.#over) this.#sending.abort();
    else if (!this.#tape.begun) this.#showWaiting = setTimeout(begin, SHOW_WAITING_MS);
  }

  /** A log-in's token may be refused before its time: the headers with another one, where there is one. */
  #afterRefusal(headers: string[]): Outgoing['afterRefusal'] {
    const stored = this.#arrival.credential?.auth;
    const used = this.#auth;
    if (stored?.type !== 'oauth' || used?.type !== 'oauth') return undefined;
    return async () => {
      const token = await stored.renewed(used.token);
      return token === null ? null : withUpstreamAuth(headers, { type: 'oauth', token });
    };
  }

  #head(status: number, statusText: string, raw: string[], flow: Flow): void {
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
    this.#headSent = true;
    if (this.#request.complete) this.#tape.bodyEnded();
    this.#tape.responseHead(status, statusText, raw, false);
    // The head goes with the first chunk if that came with it, else by itself. (Not `flushHeaders`: it writes UTF-8.)
    queueMicrotask(() => {
      this.#passOn();
      if (this.#bytesOut || this.#over) return;
      this.#tape.flush();
      response.write(NO_BYTES);
    });
  }

  /**
   * One read often holds many of the upstream's chunks (a stream of small events): they are recorded and passed on
   * together, in the same turn, which saves a write per chunk (0.2 ms to the first byte of a short answer).
   */
  readonly #passOn = (): void => {
    const chunk = this.#take();
    if (chunk !== null) this.#data(chunk);
  };

  #take(): Buffer | null {
    const pieces = this.#arrived;
    const [only] = pieces;
    if (only === undefined) return null;
    this.#arrived = [];
    return pieces.length === 1 ? only : Buffer.concat(pieces);
  }

  #data(chunk: Buffer): void {
    this.#release();
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
      this.#release();
      if (!this.#response.writableNeedDrain) this.#flow?.resume();
    });
  }

  /** Writes what waits for the journal: it waited long enough, or the upstream ended meanwhile. */
  #release(): void {
    if (this.#held !== null) this.#write(this.#held);
    this.#held = null;
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

  #end(trailers: string[]): void {
    const last = this.#take();
    if (last !== null) {
      this.#release();
      this.#tape.chunk(last, true);
      this.#held = last;
    }
    this.#tape.end('complete', null);
    this.#tape.settle(this.#context.lastWriteMs, () => {
      if (this.#over) return;
      this.#release();
      this.#over = true;
      this.#context.meter?.finished(this.#watch.end(null));
      if (this.#chunked && trailers.length > 0) this.#response.addTrailers(pairs(trailers));
      this.#response.end();
      // An answer that came before the whole request: the rest must not block the connection's next request.
      if (this.#streamed && !this.#request.complete) {
        discardBody(this.#request, (whole) => {
          if (!whole) this.#request.socket.destroySoon();
        });
      }
    });
  }

  #failed(failure: Failure, cause: Error): void {
    if (this.#over) return;
    // A client that leaves in the middle of its upload shows first as a body that cannot be read.
    if (this.#request.errored !== null || this.#request.socket.destroyed) {
      this.clientGone();
      return;
    }
    if (!this.#headSent) {
      this.#answerOurselves(failure, 'upstream-error');
      return;
    }
    this.#release();
    this.#stop('upstream-error', { code: failure.code, message: `${failure.message} (${cause.message})` });
    this.#cut();
  }

  #answerOurselves(failure: Failure, reason: EndReason): void {
    if (this.#over) return;
    const answer = ownAnswer(failure, this.#arrival.id, this.#context.isClosing() || failure.status === 413);
    this.#watch.head(failure.status);
    this.#tape.bodyEnded();
    this.#tape.responseHead(failure.status, '', answer.rawHeaders, true);
    if (this.#arrival.method !== 'HEAD') this.#tape.chunk(answer.body);
    this.#stop(reason, { code: failure.code, message: failure.message });
    this.#headSent = true;
    respond(this.#request, this.#response, failure.status, answer);
  }

  /** Ends the exchange on our side; what the client gets is up to the caller. */
  #stop(reason: EndReason, error: Pick<Failure, 'code' | 'message'> | null): void {
    if (this.#over) return;
    this.#over = true;
    this.#context.meter?.finished(this.#watch.end(error?.code ?? 'client_aborted'));
    this.#sending?.abort();
    if (this.#showWaiting !== null) clearTimeout(this.#showWaiting);
    this.#tape.end(reason, error);
  }

  /** The client gets what the upstream sent before it broke off, and then sees it break off too. */
  #cut(): void {
    this.#request.socket.destroySoon();
  }
}
