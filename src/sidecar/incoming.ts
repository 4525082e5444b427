import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Access, Visitor } from './credentials/access.ts';
import { checkDoor, type DoorRules } from './door.ts';
import { ownKeyForUpstream, tooManyAttempts } from './errors.ts';
import type { FailedAttempts } from './failed-attempts.ts';
import type { Log } from './log.ts';
import type { OwnKeyGuard } from './own-key-guard.ts';
import type { Proxy } from './proxy/proxy.ts';
import type { Route } from './proxy/route.ts';
import { refuseAtDoor } from './refuse.ts';

/** What the listener hands every request through. */
export interface Rooms {
  route: (method: string, target: string) => Route;
  door: () => DoorRules;
  ownKeys: OwnKeyGuard;
  attempts: FailedAttempts;
  access: (visitor: Visitor) => Access;
  proxy: Proxy;
  /** The control API. */
  own: (request: IncomingMessage, response: ServerResponse) => void;
  /** Called for each request that goes on to the proxy. */
  traffic: () => void;
  draining: () => boolean;
  log: Log;
}

/** Every request's first way: the door, then its path decides, then, for the upstream's paths, whose credential it gets. */
export function createIncoming(rooms: Rooms): (request: IncomingMessage, response: ServerResponse) => void {
  const { attempts, log, proxy } = rooms;
  return (request, response) => {
    // A kept-alive client would otherwise keep a stopping sidecar busy.
    if (rooms.draining()) response.shouldKeepAlive = false;
    const target = rooms.route(request.method ?? 'GET', request.url ?? '');
    const refusal = checkDoor(request, rooms.door());
    if (refusal !== null) {
      const { host, origin } = request.headers;
      log.warn('Refused at the door', { code: refusal.code, host, origin });
      refuseAtDoor(response, refusal, target.kind === 'own');
      return;
    }
    if (target.kind === 'own') {
      rooms.own(request, response);
      return;
    }
    // Known now: a connection that is gone has no address any more.
    const address = request.socket.remoteAddress ?? '';
    const verdict = rooms.ownKeys(request, address);
    if (verdict === 'ours') {
      log.warn('Refused to pass our own key on');
      refuseAtDoor(response, ownKeyForUpstream(), true);
      return;
    }
    if (verdict !== 'pass') {
      proxy.handle(request, response, waiting(verdict.waitSeconds));
      return;
    }
    if (target.kind === 'refused') {
      proxy.handle(request, response, limited(target, request.url ?? '', address));
      return;
    }
    const { rawHeaders } = request;
    const host = request.headers.host ?? '';
    const access = rooms.access({ host, rawHeaders, pathKey: target.pathKey, address });
    if (access.kind === 'refused') {
      proxy.handle(request, response, access);
      return;
    }
    rooms.traffic();
    proxy.handle(request, response, target, access.kind === 'stored' ? access.credential : null);
  };

  /** A wrong path key counts as an attempt; none at all does not. */
  function limited(
    refused: Extract<Route, { kind: 'refused' }>,
    target: string,
    address: string,
  ): Extract<Route, { kind: 'refused' }> {
    if (refused.status !== 401 || !target.startsWith('/k/')) return refused;
    const wait = attempts.waitOf(address);
    attempts.failed(address);
    if (wait === null) return refused;
    return waiting(wait);
  }
}

function waiting(seconds: number): Extract<Route, { kind: 'refused' }> {
  const { message } = tooManyAttempts(seconds);
  return { kind: 'refused', status: 429, message, retryAfterSeconds: seconds };
}
