import { dirname } from 'node:path';
import {
  invalidCredentialFile,
  loginNotKept,
  loginRefused,
  loginUnreachable,
  NexusError,
  reason,
} from '../errors.ts';
import type { Log } from '../log.ts';
import {
  readCredentialFile,
  writeOauthTokens,
  type CredentialFile,
  type OauthTokens,
} from './credential-file.ts';
import { domainOf } from './credential-path.ts';
import { createTokenEndpoint, type TokenEndpointOptions } from './oauth-endpoint.ts';
import { FileLocked, withFileLock } from './file-lock.ts';
import { createOauthMetrics, type OauthMetrics } from './oauth-metrics.ts';
import { clearRefusal, readRefusal, writeRefusal } from './oauth-refusal.ts';

export interface TokenKeeperOptions extends TokenEndpointOptions {
  log: Log;
  metrics?: OauthMetrics;
}

/** Gives out access tokens of `oauth` credential files that are good for now, and refreshes them. */
export interface TokenKeeper {
  /**
   * A valid access token of the file. `file` is what the caller knows of it; once that is about to expire, what lies on
   * the disk counts. One refresh serves all who wait, in this process and in others; it goes on when they leave.
   *
   * @throws NexusError `login_refused`, `login_unreachable` or `invalid_credential_file`, each saying what to do.
   */
  tokenOf: (path: string, file: CredentialFile) => Promise<string>;
  /**
   * Another token than `refused`, which the upstream has answered 401 before its time (the log-in was changed or ended
   * elsewhere): the disk's, else a refreshed one. null when there is none; one domain is refreshed for this once a
   * minute at most, since a token that was just given out is not cured by another.
   */
  renewed: (path: string, refused: string) => Promise<string | null>;
  /** Refreshes although the token is still good, and whatever was refused lately. Throws like `tokenOf`. */
  refreshNow: (path: string) => Promise<string>;
  metrics: OauthMetrics;
}

/** How long before its end a token is refreshed. */
const LEAD_MS = 60_000;
/** How long nobody asks again with the same tokens: after a refusal, and after a failure. */
const REFUSED_PAUSE_MS = 30_000;
const FAILED_PAUSE_MS = 5_000;

/** How long after a refresh a refused token is taken for an answer. */
const RENEW_PAUSE_MS = 60_000;

/** New tokens that could not be written yet. `replaces`: the refresh token that is still in the file. */
interface Unwritten {
  replaces: string;
  tokens: OauthTokens;
  reported: boolean;
}

/** The last failure, which answers for these tokens until it is time to ask again. */
interface Pause {
  refreshToken: string;
  at: number;
  error: NexusError;
}

export function createTokenKeeper(options: TokenKeeperOptions): TokenKeeper {
  const { log, now = Date.now, metrics = createOauthMetrics() } = options;
  const endpoint = createTokenEndpoint(options);
  const flights = new Map<string, Promise<string>>();
  const pauses = new Map<string, Pause>();
  const unwritten = new Map<string, Unwritten>();
  /** When a refused token was last followed by a refresh. */
  const renewals = new Map<string, number>();

  const isFresh = (tokens: OauthTokens): boolean => tokens.expiresAt - now() > LEAD_MS;
  /** A clock that was set back does not make it longer. */
  const isWithin = (at: number, ms: number): boolean => now() >= at && now() - at < ms;

  /** A pause answers for itself; a file that stays broken is not logged for every request. */
  const isNews = (pause: Pause | undefined, failure: NexusError): boolean =>
    pause === undefined ||
    (pause.error !== failure &&
      (pause.error.message !== failure.message || !isWithin(pause.at, FAILED_PAUSE_MS)));

  /** What the file holds now; tokens that could not be written are written if that is possible by now. */
  const current = (path: string): OauthTokens => {
    const file = readCredentialFile(path);
    if (file.type !== 'oauth') throw notOauth(path);
    const kept = unwritten.get(path);
    if (kept === undefined) return file.oauth;
    if (kept.replaces === file.oauth.refreshToken) {
      try {
        writeOauthTokens(path, kept.tokens);
      } catch (error) {
        if (!kept.reported) {
          log.error('New tokens could not be written; they are kept in memory and lost at the end', {
            file: path,
            error: reason(error),
          });
        }
        kept.reported = true;
        return kept.tokens;
      }
    }
    // Written, or void: somebody has logged in anew, which counts more.
    unwritten.delete(path);
    return kept.replaces === file.oauth.refreshToken ? kept.tokens : file.oauth;
  };

  /** From here on the old refresh token is worth nothing: the new one is never let go of. */
  const keep = (path: string, used: OauthTokens, tokens: OauthTokens): string => {
    const replaces = unwritten.get(path)?.replaces ?? used.refreshToken;
    unwritten.set(path, { replaces, tokens, reported: false });
    try {
      return current(path).accessToken;
    } catch (error) {
      log.error('New tokens have no file to be written to', { file: path, error: reason(error) });
      return tokens.accessToken;
    }
  };

  /** The note beside the file is a help for others; what has been decided does not depend on it. */
  const note = (path: string, write: () => void): void => {
    try {
      write();
    } catch (error) {
      log.warn('The note of a refusal could not be changed', { file: path, error: reason(error) });
    }
  };

  const underLock = async (path: string, before: OauthTokens, force: boolean): Promise<string> => {
    const domain = domainOf(path);
    const tokens = current(path);
    if (isFresh(tokens) && (!force || tokens.accessToken !== before.accessToken)) {
      metrics.shared();
      return tokens.accessToken;
    }
    const known = readRefusal(path, tokens);
    if (!force && known !== null && isWithin(known.at, REFUSED_PAUSE_MS)) {
      throw loginRefused(domain, known.answer, known.loginHelps);
    }
    metrics.attempt();
    const answer = await endpoint.refresh(tokens.refreshToken);
    if (answer.kind === 'failed') {
      metrics.failure(domain, now());
      throw loginUnreachable(domain, answer.why);
    }
    if (answer.kind === 'refused') {
      metrics.refusal(domain, now());
      const meanwhile = current(path);
      if (meanwhile.refreshToken !== tokens.refreshToken && isFresh(meanwhile)) return meanwhile.accessToken;
      note(path, () => {
        writeRefusal(path, tokens, { at: now(), answer: answer.answer, loginHelps: answer.loginHelps });
      });
      throw loginRefused(domain, answer.answer, answer.loginHelps);
    }
    const { accessToken, refreshToken, expiresAt, scopes } = answer.tokens;
    const token = keep(path, tokens, {
      ...tokens,
      accessToken,
      expiresAt,
      // An endpoint that does not rotate says nothing, and the old one stays good.
      refreshToken: refreshToken ?? tokens.refreshToken,
      scopes: scopes ?? tokens.scopes,
    });
    note(path, () => {
      clearRefusal(path);
    });
    metrics.success(domain, now(), expiresAt);
    log.info('Refreshed the log-in', { domain, expiresAt: new Date(expiresAt).toISOString() });
    return token;
  };

  const obtain = async (path: string, given: OauthTokens | null, force: boolean): Promise<string> => {
    let tokens = given;
    try {
      tokens = current(path);
      if (!force && isFresh(tokens)) return tokens.accessToken;
      const pause = pauses.get(path);
      if (!force && pause?.refreshToken === tokens.refreshToken) {
        const length = pause.error.code === 'login_refused' ? REFUSED_PAUSE_MS : FAILED_PAUSE_MS;
        if (isWithin(pause.at, length)) throw pause.error;
      }
      const before = tokens;
      return await withFileLock(path, () => underLock(path, before, force));
    } catch (error) {
      const failure = explain(path, error);
      if (tokens !== null && isNews(pauses.get(path), failure)) {
        pauses.set(path, { refreshToken: tokens.refreshToken, at: now(), error: failure });
        log.warn('A log-in could not be refreshed', { domain: domainOf(path), error: failure.message });
      }
      // Not renewed is not yet ended.
      if (!force && tokens !== null && tokens.expiresAt > now()) return tokens.accessToken;
      throw failure;
    }
  };

  const begin = (path: string, given: OauthTokens | null, force: boolean): Promise<string> => {
    const running = flights.get(path);
    if (running !== undefined) {
      metrics.shared();
      return running;
    }
    const flight = obtain(path, given, force).finally(() => flights.delete(path));
    flights.set(path, flight);
    return flight;
  };

  return {
    tokenOf: async (path, file) => {
      if (file.type !== 'oauth') throw notOauth(path);
      return isFresh(file.oauth) ? file.oauth.accessToken : await begin(path, file.oauth, false);
    },
    renewed: async (path, refused) => {
      try {
        const { accessToken } = current(path);
        if (accessToken !== refused) return accessToken;
        const flight = flights.get(path);
        if (flight === undefined) {
          if (isWithin(renewals.get(path) ?? Number.NEGATIVE_INFINITY, RENEW_PAUSE_MS)) return null;
          renewals.set(path, now());
        }
        const token = await (flight ?? begin(path, null, true));
        return token === refused ? null : token;
      } catch (error) {
        // The client gets the upstream's own answer.
        log.warn('A refused log-in could not be renewed', { domain: domainOf(path), error: reason(error) });
        return null;
      }
    },
    refreshNow: (path) => begin(path, null, true),
    metrics,
  };
}

function notOauth(path: string): NexusError {
  return invalidCredentialFile(path, [{ path: 'type', message: 'is not oauth' }]);
}

function explain(path: string, error: unknown): NexusError {
  if (error instanceof FileLocked) return loginUnreachable(domainOf(path), error.message);
  if (error instanceof NexusError && error.code !== 'data_dir_not_writable') return error;
  // The lock, or the note of a refusal.
  const cause = error instanceof NexusError ? error.cause : error;
  return loginNotKept(domainOf(path), dirname(path), cause);
}
