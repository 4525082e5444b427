import { subscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { Agent, type Dispatcher } from 'undici';
import { redactText } from '../core/redact.ts';
import { invalidOption } from '../errors.ts';
import { createConnector, type ConnectOptions } from './connect.ts';
import { guardParser } from './undici-guard.ts';
import { isLoopback } from '../core/loopback.ts';

/** Where traffic goes. `basePath` is empty or starts with `/` and does not end with one. */
export interface Upstream {
  origin: string;
  basePath: string;
}

/**
 * The upstream of `--upstream` / `CLAUDE_API_BASE_URL`. Throws a NexusError `invalid_option` for anything but https,
 * or http to this machine; the host is compared exactly, on a parsed URL (SPEC 1.10).
 */
export function parseUpstream(text: string): Upstream {
  const option = '--upstream (CLAUDE_API_BASE_URL)';
  const shown = redactText(text).text;
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw invalidOption(
      option,
      `"${shown}" is not a URL. Write it in full, for example https://api.anthropic.com.`,
    );
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw invalidOption(option, `"${shown}" has to start with https://.`);
  }
  if (url.username !== '' || url.password !== '') {
    throw invalidOption(
      option,
      'the URL holds a user name or password. Credentials belong into the client or a credential file.',
    );
  }
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
    throw invalidOption(
      option,
      `"${shown}" would send credentials in the clear. Use https, or http only to this machine (127.0.0.1, ::1, localhost).`,
    );
  }
  if (url.search !== '' || url.hash !== '') {
    throw invalidOption(option, `"${shown}" has a query or fragment, which a base URL cannot have.`);
  }
  return { origin: url.origin, basePath: url.pathname.replace(/\/+$/, '') };
}

/** How an https upstream is reached. */
export type Way = Omit<ConnectOptions, 'timeoutMs'>;

const CONNECT_MS = 10_000;

/**
 * Connections to the upstream. undici's own time-outs are off: time-outs are idle times measured in `send.ts`, where
 * a slow client is not taken for a silent upstream. Response heads may be larger than Node's 16 KB (rate-limit,
 * policy and cookie headers together). `way`: how an https upstream is reached; http only goes to this machine.
 */
export function createDispatcher(way?: Way): Dispatcher {
  return new Agent({
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: 30_000,
    maxHeaderSize: 256 * 1024,
    connect: way === undefined ? { timeout: CONNECT_MS } : createConnector({ ...way, timeoutMs: CONNECT_MS }),
  });
}

/** What `send.ts` learns about the connection a request goes out on. */
export interface Departure {
  reused: boolean;
}

const used = new WeakSet<Socket>();
let departing: Departure | null = null;
let watching = false;

/**
 * Must be called in `onRequestStart`: says whether the connection had carried a request before. undici tells which
 * socket it is only through its diagnostics channel, published right after `onRequestStart` in the same call, so the
 * two are tied together without a look into its insides.
 */
export function noteDeparture(departure: Departure): void {
  if (!watching) {
    watching = true;
    subscribe('undici:client:sendHeaders', (message) => {
      const { socket } = message as { socket: Socket };
      const reused = used.has(socket);
      // A socket without a departure is somebody else's (Node's own fetch shares the channel).
      if (departing === null) return;
      departing.reused = reused;
      departing = null;
      if (!reused) guardParser(socket);
      used.add(socket);
    });
  }
  departing = departure;
}
