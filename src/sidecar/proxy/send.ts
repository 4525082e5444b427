import type { Dispatcher } from 'undici';
import { isCertificateError } from './certificates.ts';
import { errorCode } from './error-code.ts';
import { timedOut, unreachable, unsendable, type Failure } from './failure.ts';
import { fromBytes } from './headers.ts';
import { backoffMs, retryAfterMs, type RetryPolicy } from './retries.ts';
import { noteDeparture, type Departure } from './upstream.ts';

/** One request as it goes upstream. `headers` is a raw list; a body that is no Buffer can be sent only once. */
export interface Outgoing {
  origin: string;
  path: string;
  method: string;
  headers: string[];
  body: Buffer | AsyncIterable<Buffer> | null;
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

export interface Sending {
  /** Ends it at once, upstream connection included; the answer hears nothing more. */
  abort(): void;
  /** Bytes of a streamed request body went through: the upstream is not idle. */
  alive(): void;
}

/**
 * Sends one request and repeats it only where nothing can have happened twice, or where the user has asked for it: an
 * answer of 5xx to a request whose body is in memory, before the client has seen anything of it.
 */
export function send(request: Outgoing, answer: Answer, options: SendOptions): Sending {
  let failures = 0;
  let answers = 0;
  let resetOnce = false;
  let waiting: NodeJS.Timeout | null = null;
  let current: Attempt | null = null;
  const replayable = request.body === null || Buffer.isBuffer(request.body);

  const later = (why: number | string, tried: number, waitMs: number): void => {
    answer.again(why, tried, waitMs);
    waiting = setTimeout(attempt, waitMs);
  };
  const refuses = (status: number, rawHeaders: readonly string[]): boolean => {
    const policy = options.statusRetry;
    if (policy === null || !replayable) return false;
    const wait = retryAfterMs(policy, { status, rawHeaders }, ++answers, options.random(), Date.now());
    if (wait !== null) later(status, answers, wait);
    return wait !== null;
  };
  const attempt = (): void => {
    waiting = null;
    current = new Attempt(request, answer, options, refuses, (error, departure, answered) => {
      const sent = departure !== null;
      const code = errorCode(error);
      if (!sent && isConnectFailure(code) && ++failures < options.connectRetry.tries) {
        later(code, failures, backoffMs(options.connectRetry, failures, options.random()));
        return;
      }
      // A kept-alive connection that the upstream had given up: the request was not looked at.
      if (sent && departure.reused && !answered && replayable && !resetOnce && isReset(code)) {
        resetOnce = true;
        attempt();
        return;
      }
      const failure = code === 'UND_ERR_INVALID_ARG' || code === 'UND_ERR_NOT_SUPPORTED';
      answer.failed(failure ? unsendable(error) : unreachable(request.origin, error, sent), error);
    });
    current.start();
  };

  attempt();
  return {
    abort(): void {
      if (waiting !== null) clearTimeout(waiting);
      current?.abort();
    },
    alive(): void {
      current?.alive();
    },
  };
}

const isReset = (code: string): boolean => /^(?:UND_ERR_SOCKET|ECONNRESET|EPIPE|ECONNABORTED)$/.test(code);

const isConnectFailure = (code: string): boolean =>
  !isCertificateError(code) &&
  !['UND_ERR_INVALID_ARG', 'UND_ERR_NOT_SUPPORTED', 'PROXY_REFUSED'].includes(code);

type Lost = (error: Error, departure: Departure | null, answered: boolean) => void;

class Attempt implements Dispatcher.DispatchHandler {
  readonly #request: Outgoing;
  readonly #answer: Answer;
  readonly #options: SendOptions;
  readonly #refuses: (status: number, rawHeaders: readonly string[]) => boolean;
  readonly #lost: Lost;
  #controller: Dispatcher.DispatchController | null = null;
  #departure: Departure | null = null;
  #answered = false;
  #notModified = false;
  #over = false;
  #paused = false;
  #idle: NodeJS.Timeout | null = null;

  /** `refuses`: true when an answer is not to be passed on, since it is asked for again. */
  constructor(
    request: Outgoing,
    answer: Answer,
    options: SendOptions,
    refuses: (status: number, rawHeaders: readonly string[]) => boolean,
    lost: Lost,
  ) {
    this.#request = request;
    this.#answer = answer;
    this.#options = options;
    this.#refuses = refuses;
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
    if (status >= 500 && this.#refuses(status, fromBytes(rawList(controller.rawHeaders)))) {
      this.abort(new Error('asked again'));
      return;
    }
    this.#answered = true;
    this.#notModified = status === 304;
    this.#idle?.refresh();
    this.#answer.head(status, statusText ?? '', rawList(controller.rawHeaders), {
      pause: () => {
        if (this.#over || this.#paused) return;
        this.#paused = true;
        if (this.#idle !== null) clearTimeout(this.#idle);
        controller.pause();
      },
      resume: () => {
        if (this.#over || !this.#paused) return;
        this.#paused = false;
        this.#watch();
        controller.resume();
      },
    });
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
