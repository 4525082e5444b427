import type { Dispatcher } from 'undici';
import { errorCode } from './error-code.ts';
import { timedOut, type Failure } from './failure.ts';
import { fromBytes } from './headers.ts';
import type { RetryPolicy } from './retries.ts';
import { noteDeparture, type Departure } from './upstream.ts';

/** One request as it goes upstream. `headers` is a raw list; a body that is no Buffer can be sent only once. */
export interface Outgoing {
  origin: string;
  path: string;
  method: string;
  headers: string[];
  body: Buffer | AsyncIterable<Buffer> | null;
  /**
   * Asked once, after a 401: headers to try again with, or null when the answer stands. A body that can be sent only
   * once is not tried again, but the next request finds what this has brought about. Never rejects.
   */
  afterRefusal?: (() => Promise<string[] | null>) | undefined;
}

/** Holds the upstream back while the client (or the last journal write) is slow; the idle time-out rests meanwhile. */
export interface Flow {
  pause(): void;
  resume(): void;
}

/** What becomes of the request. After `end` or `failed` nothing more is called. */
export interface Answer {
  /** The request's first bytes are being written; may be called again for a second try. */
  sent(): void;
  head(status: number, statusText: string, rawHeaders: (Buffer | string)[], flow: Flow): void;
  data(chunk: Buffer): void;
  end(rawTrailers: (Buffer | string)[]): void;
  failed(failure: Failure, cause: Error): void;
  /** It is tried again after `waitMs`; `why` is a status or an error's code, `tried` how often it was tried so far. */
  again(why: number | string, tried: number, waitMs: number): void;
}

export interface SendOptions {
  dispatcher: Dispatcher;
  /** Idle time to the response head and between chunks, ms; 0 waits for ever. */
  timeoutMs: number;
  /** Connection failures before any byte was sent (SPEC 1.6). */
  connectRetry: RetryPolicy;
  /** Answers that say the upstream failed (SPEC 1.6); null: they are passed on, since the clients retry themselves. */
  statusRetry: RetryPolicy | null;
  /** 0 ≤ x < 1, for the jitter. */
  random: () => number;
}

/** What may become of an answer instead of being passed on. */
export interface Retry {
  /** True when an answer is not to be passed on, since it is asked for again. */
  refuses: (status: number, rawHeaders: readonly string[]) => boolean;
  /** For a 401: null when nothing can be done about it, else whether there is something to try again with. */
  renews: () => Promise<boolean> | null;
  again: (status: number) => void;
}

export type Lost = (error: Error, departure: Departure | null, answered: boolean) => void;

export class Attempt implements Dispatcher.DispatchHandler {
  readonly #request: Outgoing;
  readonly #answer: Answer;
  readonly #options: SendOptions;
  readonly #retry: Retry;
  readonly #lost: Lost;
  #controller: Dispatcher.DispatchController | null = null;
  #departure: Departure | null = null;
  #answered = false;
  #notModified = false;
  #over = false;
  #paused = false;
  #idle: NodeJS.Timeout | null = null;

  constructor(request: Outgoing, answer: Answer, options: SendOptions, retry: Retry, lost: Lost) {
    this.#request = request;
    this.#answer = answer;
    this.#options = options;
    this.#retry = retry;
    this.#lost = lost;
  }

  start(): void {
    const { origin, path, method, headers, body } = this.#request;
    this.#options.dispatcher.dispatch(
      { origin, path, method, headers, body: body as Buffer | null, headersTimeout: 0, bodyTimeout: 0 },
      this,
    );
    if (!this.#over) this.#watch();
  }

  abort(reason = new Error('aborted')): void {
    this.#finish();
    this.#controller?.abort(reason);
  }

  alive(): void {
    if (!this.#over) this.#idle?.refresh();
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#over) {
      controller.abort(new Error('aborted'));
      return;
    }
    this.#departure = { reused: false };
    noteDeparture(this.#departure);
    this.#answer.sent();
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    _headers: unknown,
    statusText?: string,
  ): void {
    // 1xx other than 100 (which never comes: `Expect` is not sent on) are dropped; see the README.
    if (this.#over || status < 200) return;
    if (status >= 500 && this.#retry.refuses(status, fromBytes(rawList(controller.rawHeaders)))) {
      this.abort(new Error('asked again'));
      return;
    }
    this.#answered = true;
    const renewal = status === 401 ? this.#retry.renews() : null;
    if (renewal === null) {
      this.#head(controller, status, statusText ?? '');
      return;
    }
    // Nothing of it has been seen by the client: it waits until it is known whether there is a better answer.
    this.#pause(controller);
    void renewal.then((better) => {
      if (this.#over) return;
      if (better) {
        this.abort(new Error('asked again'));
        this.#retry.again(status);
        return;
      }
      this.#head(controller, status, statusText ?? '');
      this.#resume(controller);
    });
  }

  #head(controller: Dispatcher.DispatchController, status: number, statusText: string): void {
    this.#notModified = status === 304;
    this.#idle?.refresh();
    this.#answer.head(status, statusText, rawList(controller.rawHeaders), {
      pause: () => {
        this.#pause(controller);
      },
      resume: () => {
        this.#resume(controller);
      },
    });
  }

  #pause(controller: Dispatcher.DispatchController): void {
    if (this.#over || this.#paused) return;
    this.#paused = true;
    if (this.#idle !== null) clearTimeout(this.#idle);
    controller.pause();
  }

  #resume(controller: Dispatcher.DispatchController): void {
    if (this.#over || !this.#paused) return;
    this.#paused = false;
    this.#watch();
    controller.resume();
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#over) return;
    this.#idle?.refresh();
    this.#answer.data(chunk);
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    if (this.#over) return;
    this.#finish();
    this.#answer.end(rawList(controller.rawTrailers));
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#over) return;
    this.#finish();
    // undici takes the Content-Length of a 304 (RFC 9110 §8.6: what a 200 would have had) for a body that is missing.
    if (this.#notModified && errorCode(error) === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH') {
      this.#answer.end([]);
      return;
    }
    this.#lost(error, this.#departure, this.#answered);
  }

  #watch(): void {
    if (this.#options.timeoutMs === 0) return;
    this.#idle = setTimeout(() => {
      this.#timeOut();
    }, this.#options.timeoutMs);
  }

  #timeOut(): void {
    if (this.#over) return;
    const failure = timedOut(this.#request.origin, this.#options.timeoutMs, this.#answered ? 'body' : 'head');
    const error = new Error('upstream time-out');
    this.abort(error);
    this.#answer.failed(failure, error);
  }

  #finish(): void {
    this.#over = true;
    if (this.#idle !== null) clearTimeout(this.#idle);
  }
}

function rawList(raw: Dispatcher.DispatchController['rawHeaders']): (Buffer | string)[] {
  return Array.isArray(raw) ? raw : [];
}
