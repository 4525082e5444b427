import type { IncomingMessage, ServerResponse } from 'node:http';
import type { EndReason } from '../core/frames.ts';
import { withUpstreamAuth, type UpstreamAuth } from '../core/upstream-credential.ts';
import { discardBody, readBody, streamBody } from './body.ts';
import { noAccount, stopping, tooLarge, type Failure } from './failure.ts';
import type { ExchangeContext } from './exchange-context.ts';
import { Stopwatch } from './finished.ts';
import { contentLength, forUpstream, fromBytes, hasBody } from './headers.ts';
import { isMessagesPath } from './paths.ts';
import type { Arrival } from './record.ts';
import { ownAnswer, respond } from './respond.ts';
import type { Outgoing } from './attempt.ts';
import { Delivery } from './delivery.ts';
import { send, type Sending } from './send.ts';
import { Tape } from './tape.ts';

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
  readonly #delivery: Delivery;
  #over = false;

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
    this.#delivery = new Delivery(context, arrival, response, this.#tape, this.#watch);
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
    this.#delivery.passOn();
    this.#stop('client-aborted', null);
  }

  /** The grace of a shutdown is over. */
  shutDown(): void {
    if (this.#over) return;
    if (!this.#delivery.headSent) {
      this.#sending?.abort();
      this.#answerOurselves(stopping(), 'shutdown');
      return;
    }
    this.#delivery.passOn();
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
          if (this.#request.complete) this.#tape.bodyEnded();
          this.#delivery.head(status, statusText, fromBytes(raw), flow);
        },
        data: (chunk) => {
          this.#delivery.chunk(chunk);
        },
        end: (trailers) => {
          this.#delivery.end(fromBytes(trailers), () => {
            this.#delivered();
          });
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
          this.#delivery.passOn();
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

  /** The client has all of the answer. */
  #delivered(): void {
    this.#over = true;
    this.#context.meter?.finished(this.#watch.end(null));
    this.#response.end();
    // An answer that came before the whole request: the rest must not block the connection's next request.
    if (this.#streamed && !this.#request.complete) {
      discardBody(this.#request, (whole) => {
        if (!whole) this.#request.socket.destroySoon();
      });
    }
  }

  #failed(failure: Failure, cause: Error): void {
    if (this.#over) return;
    // A client that leaves in the middle of its upload shows first as a body that cannot be read.
    if (this.#request.errored !== null || this.#request.socket.destroyed) {
      this.clientGone();
      return;
    }
    if (!this.#delivery.headSent) {
      this.#answerOurselves(failure, 'upstream-error');
      return;
    }
    this.#delivery.release();
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
    this.#delivery.headSent = true;
    respond(this.#request, this.#response, failure.status, answer);
  }

  /** Ends the exchange on our side; what the client gets is up to the caller. */
  #stop(reason: EndReason, error: Pick<Failure, 'code' | 'message'> | null): void {
    if (this.#over) return;
    this.#over = true;
    this.#delivery.stop();
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
