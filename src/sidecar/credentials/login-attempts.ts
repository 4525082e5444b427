import { randomUUID } from 'node:crypto';
import type { FinishedLogin, LoginState, LoginWay, StartedLogin } from '../../protocol/credentials.ts';
import { basename } from 'node:path';
import { badRequest, noLogin, noSuchLogin } from '../errors.ts';
import { openLoopback, type Loopback } from './login-loopback.ts';
import { beginLogin, isState, PASTE_REDIRECT, readPasted, type LoginAttempt } from './oauth-client.ts';
import type { TokenEndpoint } from './oauth-endpoint.ts';
import { existingCredential, finishLogin } from './oauth-login.ts';

/** How long a log-in may take, in ms. */
const LIFE_MS = 10 * 60_000;
/** Of these the oldest is given up for a new one. */
const MOST = 10;
/** How long `wait` keeps its caller. */
const WAIT_MS = 25_000;

/** Log-ins with a Claude account that were begun over the control API. They end by themselves after ten minutes. */
export interface LoginAttempts {
  /** Throws NexusError `invalid_credential_file` where the domain has a file that cannot be read. */
  begin(domain: string, path: string, way: LoginWay): Promise<StartedLogin>;
  /**
   * Takes what the page showed, or the address the browser ended at. What is no code of this log-in changes nothing, so
   * it can be pasted again.
   *
   * @throws NexusError `bad_request` that names `code`; `not_found`; else like `finishLogin`.
   */
  paste(domain: string, id: string, text: string): Promise<FinishedLogin>;
  /** Resolves when it has come to its end, or with `waiting` after a while. Throws like `paste`. */
  wait(domain: string, id: string): Promise<LoginState>;
  /** False: there is none. One whose code is on its way to the token endpoint still comes to its end. */
  cancel(domain: string, id: string): boolean;
  close(): void;
}

interface Attempt {
  id: string;
  domain: string;
  path: string;
  login: LoginAttempt;
  loopback: Loopback | null;
  end: PromiseWithResolvers<FinishedLogin>;
  /** The code is on its way, or has been. */
  taken: boolean;
  timer: NodeJS.Timeout;
}

export interface LoginAttemptsOptions {
  clientId: string;
  endpoint: TokenEndpoint;
  /** Called when a file has been written. */
  onDone: () => void;
  waitMs?: number;
  lifeMs?: number;
}

export function createLoginAttempts(options: LoginAttemptsOptions): LoginAttempts {
  const { clientId, endpoint, onDone, waitMs = WAIT_MS, lifeMs = LIFE_MS } = options;
  const attempts = new Map<string, Attempt>();

  const find = (domain: string, id: string): Attempt => {
    const attempt = attempts.get(id);
    if (attempt?.domain !== domain) throw noSuchLogin();
    return attempt;
  };
  const giveUp = (attempt: Attempt, why: string): void => {
    attempts.delete(attempt.id);
    clearTimeout(attempt.timer);
    void attempt.loopback?.close();
    if (!attempt.taken) attempt.end.reject(noLogin('bad_request', `${why}; nothing was changed.`));
  };
  /** The end of a log-in stays to be asked for until its time is over. */
  const take = async (attempt: Attempt, code: string): Promise<FinishedLogin> => {
    if (!attempt.taken) {
      attempt.taken = true;
      const { domain, path, login, end } = attempt;
      finishLogin(path, endpoint, login, code).then((expiresAt) => {
        onDone();
        end.resolve({ domain, file: basename(path), until: new Date(expiresAt).toISOString() });
      }, end.reject);
      void attempt.loopback?.close();
    }
    return await attempt.end.promise;
  };
  const follow = async (attempt: Attempt, loopback: Loopback): Promise<void> => {
    try {
      await take(attempt, await loopback.codeFor((state) => isState(attempt.login, state)));
    } catch (error) {
      // Declined in the browser, or nobody came. What happened after the code had come is said already.
      attempt.taken = true;
      attempt.end.reject(error);
      void loopback.close();
    }
  };

  return {
    begin: async (domain, path, way) => {
      existingCredential(path);
      const loopback = way === 'loopback' ? await openLoopback(lifeMs) : null;
      const id = randomUUID();
      const attempt: Attempt = {
        id,
        domain,
        path,
        login: beginLogin(clientId, loopback?.redirectUri ?? PASTE_REDIRECT),
        loopback,
        end: Promise.withResolvers(),
        taken: false,
        timer: setTimeout(() => {
          giveUp(attempt, 'nobody has logged in for ten minutes');
        }, lifeMs),
      };
      attempt.timer.unref();
      // Whoever asks hears of it; nobody may be asking.
      attempt.end.promise.catch(() => undefined);
      const [oldest] = attempts.values();
      if (attempts.size >= MOST && oldest !== undefined) giveUp(oldest, 'too many other log-ins were begun');
      attempts.set(id, attempt);
      if (loopback !== null) void follow(attempt, loopback);
      return {
        loginId: id,
        url: attempt.login.url,
        expiresAt: new Date(Date.now() + lifeMs).toISOString(),
      };
    },
    paste: async (domain, id, text) => {
      const attempt = find(domain, id);
      const pasted = readPasted(text);
      if (pasted === null) throw badCode('that is not the whole code; it has a # in the middle');
      if (!isState(attempt.login, pasted.state)) {
        throw badCode('it belongs to another log-in; use the page that was opened last');
      }
      return await take(attempt, pasted.code);
    },
    wait: async (domain, id) => {
      const attempt = find(domain, id);
      const late = Promise.withResolvers<LoginState>();
      const timer = setTimeout(() => {
        late.resolve({ state: 'waiting' });
      }, waitMs);
      try {
        const done = attempt.end.promise.then((login) => ({ ...login, state: 'done' as const }));
        return await Promise.race([done, late.promise]);
      } finally {
        clearTimeout(timer);
      }
    },
    cancel: (domain, id) => {
      const attempt = attempts.get(id);
      if (attempt?.domain !== domain) return false;
      giveUp(attempt, 'the log-in was given up');
      return true;
    },
    close: () => {
      for (const attempt of [...attempts.values()]) giveUp(attempt, 'the sidecar has stopped');
    },
  };
}

function badCode(message: string): Error {
  return badRequest(`The code cannot be used: ${message}.`, [{ path: 'code', message }]);
}
