import { Attempt, type Answer, type Outgoing, type Retry, type SendOptions } from './attempt.ts';
import { isCertificateError } from './certificates.ts';
import { errorCode } from './error-code.ts';
import { unreachable, unsendable } from './failure.ts';
import { backoffMs, retryAfterMs } from './retries.ts';

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
  let outgoing = request;
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
  const renew = async (): Promise<boolean> => {
    const { afterRefusal } = outgoing;
    outgoing = { ...outgoing, afterRefusal: undefined };
    const headers = (await afterRefusal?.()) ?? null;
    if (headers === null || !replayable) return false;
    outgoing = { ...outgoing, headers };
    return true;
  };
  const retry: Retry = {
    refuses,
    renews: () => (outgoing.afterRefusal === undefined ? null : renew()),
    again: (status) => {
      answer.again(status, 1, 0);
      attempt();
    },
  };
  const attempt = (): void => {
    waiting = null;
    current = new Attempt(outgoing, answer, options, retry, (error, departure, answered) => {
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
