import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import { getCookie } from 'hono/cookie';
import { createMiddleware } from 'hono/factory';
import { tooManyAttempts, unauthorized, unsupportedMediaType } from '../errors.ts';
import type { FailedAttempts } from '../failed-attempts.ts';

const CODE_MS = 60_000;
const SESSION_MS = 12 * 60 * 60_000;
const MAX_SESSIONS = 200;
/** Keys and tokens of the Claude API begin so. */
const API_KEY = 'sk-ant-';

/** Who may use the control surfaces: the sidecar's token, the dashboard key, or a browser session got with either. */
export interface Gate {
  /** Compared in constant time. No dashboard key configured never means "open". */
  acceptsKey(key: string): boolean;
  /** The sidecar's own token alone, which nobody can guess. */
  acceptsToken(key: string): boolean;
  /**
   * Whether a string that comes with a request for the upstream could be a guess at the dashboard key. What has the form
   * of the Claude API's own keys could not, unless the dashboard key has it too.
   */
  couldBeGuess(key: string): boolean;
  acceptsSession(id: string): boolean;
  /** A code for one log-in within a minute; the only secret that may stand in a URL. */
  issueCode(): string;
  /** A new session's random id for a code (then used up) or an accepted key; null when refused. */
  openSession(proof: { code: string } | { key: string }): string | null;
  attempts: FailedAttempts;
  cookieName: string;
  sessionSeconds: number;
}

export function createGate(options: {
  token: string;
  dashboardKey: string | null;
  port: () => number;
  now: () => number;
  attempts: FailedAttempts;
}): Gate {
  const { dashboardKey } = options;
  const token = digest(options.token);
  const keys = [options.token, dashboardKey].filter((key) => key !== null).map(digest);
  const codes = new Map<string, number>();
  const sessions = new Map<string, number>();

  const acceptsKey = (key: string): boolean => {
    const given = digest(key);
    // Every key is compared, so that time does not tell which one nearly fitted.
    return keys.map((known) => timingSafeEqual(known, given)).includes(true);
  };
  const useCode = (code: string): boolean => {
    const expires = codes.get(digest(code).toString('hex'));
    codes.delete(digest(code).toString('hex'));
    return expires !== undefined && options.now() < expires;
  };

  return {
    attempts: options.attempts,
    acceptsKey,
    acceptsToken: (key) => timingSafeEqual(token, digest(key)),
    couldBeGuess: (key) =>
      dashboardKey !== null && (!key.startsWith(API_KEY) || dashboardKey.startsWith(API_KEY)),
    acceptsSession: (id) => {
      const expires = sessions.get(digest(id).toString('hex'));
      return expires !== undefined && options.now() < expires;
    },
    issueCode: () => {
      forgetExpired(codes, options.now());
      const code = randomBytes(24).toString('base64url');
      codes.set(digest(code).toString('hex'), options.now() + CODE_MS);
      return code;
    },
    openSession: (proof) => {
      if (!('code' in proof ? useCode(proof.code) : acceptsKey(proof.key))) return null;
      forgetExpired(sessions, options.now());
      const oldest = sessions.keys().next();
      if (sessions.size >= MAX_SESSIONS && oldest.done !== true) sessions.delete(oldest.value);
      const id = randomBytes(32).toString('base64url');
      sessions.set(digest(id).toString('hex'), options.now() + SESSION_MS);
      return id;
    },
    // Cookies do not know ports: two sidecars on one machine must not overwrite each other's.
    get cookieName() {
      return `nexus_session_${String(options.port())}`;
    },
    sessionSeconds: SESSION_MS / 1000,
  };
}

/** True when the request carries a key (`X-Dashboard-Key` or Bearer) or a live session. Never reads the URL. */
export function isAllowed(
  gate: Gate,
  header: (name: string) => string | undefined,
  session: string | undefined,
  address = '',
): boolean {
  const bearer = /^Bearer +(\S+)$/i.exec(header('authorization') ?? '')?.[1];
  const key = header('x-dashboard-key') ?? bearer;
  if (key !== undefined) return acceptsFrom(gate, key, address);
  return session !== undefined && gate.acceptsSession(session);
}

/**
 * Whether `key` opens, asked from `address`. After too many wrong ones only the token is looked at, which cannot be
 * guessed: nobody's failures lock out a window of this machine.
 *
 * @throws NexusError `too_many_attempts` for any other key by then.
 */
export function acceptsFrom(gate: Gate, key: string, address: string): boolean {
  const wait = gate.attempts.waitOf(address);
  if (wait === null ? gate.acceptsKey(key) : gate.acceptsToken(key)) return true;
  gate.attempts.failed(address);
  if (wait !== null) throw tooManyAttempts(wait);
  return false;
}

/** Of the other end of the connection; empty when it is gone. */
export function addressOf(context: Context): string {
  return (context.env as Partial<HttpBindings> | undefined)?.incoming?.socket.remoteAddress ?? '';
}

/** Refuses whoever proves nothing, before a route runs. */
export const requireKey = (gate: Gate) =>
  createMiddleware(async (context, next) => {
    const session = getCookie(context, gate.cookieName);
    const allowed = isAllowed(gate, (name) => context.req.header(name), session, addressOf(context));
    if (!allowed) throw unauthorized();
    await next();
    // Not `context.header`, which makes a new response around the body's stream for each.
    context.res.headers.set('cache-control', 'no-store');
    context.res.headers.set('x-content-type-options', 'nosniff');
  });

/** Writes must say that they are JSON: a form of a foreign page cannot. */
export const requireJson = createMiddleware(async (context, next) => {
  const writes = ['POST', 'PUT', 'PATCH'].includes(context.req.method);
  const type = context.req.header('content-type')?.split(';')[0]?.trim().toLowerCase();
  if (writes && type !== 'application/json') throw unsupportedMediaType();
  await next();
});

function digest(text: string): Buffer {
  // In one call: a hash object costs 20 µs before a request can go on.
  return hash('sha256', text, 'buffer');
}

function forgetExpired(entries: Map<string, number>, now: number): void {
  for (const [name, expires] of entries) if (expires <= now) entries.delete(name);
}
