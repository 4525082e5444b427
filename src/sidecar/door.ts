import type { IncomingMessage } from 'node:http';
import { forbiddenHost, forbiddenOrigin, type NexusError } from './errors.ts';

export interface DoorRules {
  /** The port the listener is bound to. */
  port: number;
  /** Further names, lower-cased: `name` on any port, `name:port` on that one. */
  allowedHosts: readonly string[];
  /** True for a domain that has a credential file. */
  isDomain: (name: string) => boolean;
}

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

/**
 * What a request must show before anything else looks at it: a Host that is ours, and no sign of a web page of
 * somebody else's (that is how a page in the user's browser would reach a service on this machine; a rebound DNS name
 * shows in Host). null: it may pass.
 */
export function checkDoor(request: IncomingMessage, rules: DoorRules): NexusError | null {
  const host = hostOf(request);
  if (host === null || !isOurs(host, rules)) return forbiddenHost(request.headers.host ?? '');
  const origin = request.headers.origin;
  if (origin !== undefined && !isOwnOrigin(origin, request.headers.host ?? '')) return forbiddenOrigin();
  // `same-site` counts as foreign too: to a browser every port of localhost is one site.
  const site = request.headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return forbiddenOrigin();
  return null;
}

interface Host {
  name: string;
  port: number;
}

/** The one Host header, strictly parsed (RFC 9110 §7.2); null when missing, repeated, odd, or beside an absolute URL. */
function hostOf(request: IncomingMessage): Host | null {
  if (request.url?.startsWith('/') !== true && request.url !== '*') return null;
  let seen = 0;
  for (let index = 0; index < request.rawHeaders.length; index += 2) {
    if (request.rawHeaders[index]!.toLowerCase() === 'host') seen++;
  }
  return seen === 1 ? parseHost(request.headers.host ?? '') : null;
}

function parseHost(value: string): Host | null {
  const match = /^([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::(\d{1,5}))?$/.exec(
    value.toLowerCase(),
  );
  if (match === null) return null;
  return { name: match[1]!, port: match[2] === undefined ? 80 : Number(match[2]) };
}

function isOurs(host: Host, rules: DoorRules): boolean {
  if (LOOPBACK.has(host.name) && host.port === rules.port) return true;
  // Of this machine's own names only our port is ours, with a credential file or without.
  if (!LOOPBACK.has(host.name) && rules.isDomain(host.name)) return true;
  return (
    rules.allowedHosts.includes(host.name) || rules.allowedHosts.includes(`${host.name}:${String(host.port)}`)
  );
}

/** Panels opened from the sidecar itself send its own origin: the very host and port they were loaded from. */
function isOwnOrigin(origin: string, host: string): boolean {
  return [`http://${host}`, `https://${host}`].includes(origin.toLowerCase());
}
