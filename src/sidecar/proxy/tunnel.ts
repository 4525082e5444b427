import { request as httpRequest, type ClientRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { ProxyServer } from './network.ts';

/** The way through the proxy could not be had; `code` is `PROXY_REFUSED`, `PROXY_TROUBLE` or a socket's. */
export class ProxyError extends Error {
  readonly code: string;
  readonly proxy: ProxyServer;
  /** What it answered to CONNECT; null when it could not be talked to. */
  readonly status: number | null;

  constructor(proxy: ProxyServer, code: string, status: number | null, message: string, cause?: Error) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'ProxyError';
    this.proxy = proxy;
    this.code = code;
    this.status = status;
  }
}

/**
 * Asks the proxy for a connection to `target` (`host:port`). Calls back once, with a socket whose bytes go to the target
 * and come from it, or with a `ProxyError`; a certificate error of the proxy's own TLS comes as it is. undici's
 * ProxyAgent does the same, but keeps to itself what the proxy answered and which certificate was refused.
 */
export function openTunnel(
  options: { proxy: ProxyServer; target: string; timeoutMs: number; verify: boolean },
  callback: (error: Error | null, socket: Socket | null) => void,
  onSecured: (socket: TLSSocket) => void,
): void {
  const { proxy, target, timeoutMs, verify } = options;
  const headers: Record<string, string> = { host: target };
  if (proxy.authorization !== null) headers['proxy-authorization'] = proxy.authorization;
  const plain = {
    host: proxy.host,
    port: proxy.port,
    method: 'CONNECT',
    path: target,
    headers,
    agent: false,
  };
  // Its certificate is for its own name, which Node would take from the Host header.
  const asking: ClientRequest = proxy.secure
    ? httpsRequest({
        ...plain,
        servername: isIP(proxy.host) === 0 ? proxy.host : '',
        rejectUnauthorized: verify,
      })
    : httpRequest(plain);
  let over = false;
  const finish = (error: Error | null, socket: Socket | null): void => {
    if (over) {
      socket?.destroy();
      return;
    }
    over = true;
    clearTimeout(timer);
    callback(error, socket);
  };
  const timer = setTimeout(() => {
    const late = `no answer from the proxy in ${String(timeoutMs)} ms`;
    finish(new ProxyError(proxy, 'UND_ERR_CONNECT_TIMEOUT', null, late), null);
    asking.destroy();
  }, timeoutMs);
  asking.once('socket', (socket) => {
    if (socket instanceof TLSSocket) onSecured(socket);
  });
  asking.once('connect', (response, socket, head) => {
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 300) {
      if (head.length > 0) socket.unshift(head);
      finish(null, socket);
      return;
    }
    socket.on('error', () => undefined).destroy();
    // 4xx stays as it is until somebody changes something; 5xx may pass (the proxy could not reach the target).
    const code = status >= 500 ? 'PROXY_TROUBLE' : 'PROXY_REFUSED';
    finish(new ProxyError(proxy, code, status, `the proxy answered ${String(status)}`), null);
  });
  asking.on('error', (error: NodeJS.ErrnoException) => {
    finish(error, null);
  });
  asking.end();
}
