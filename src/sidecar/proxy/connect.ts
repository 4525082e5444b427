import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { buildConnector } from 'undici';
import {
  CertificateError,
  isCertificateError,
  isUnknownIssuer,
  shownCertificate,
  type ShownCertificate,
  type SystemCertificates,
} from './certificates.ts';
import { errorCode } from './error-code.ts';
import type { ProxyServer } from './network.ts';
import { openTunnel, ProxyError } from './tunnel.ts';

export interface ConnectOptions {
  /** null: straight to the upstream. */
  proxy: ProxyServer | null;
  /** False: whatever certificate comes through the proxy is accepted. Without a proxy certificates always count. */
  verify: boolean;
  /** Asked when a certificate's issuer is unknown; null: they are not to be used. */
  system: SystemCertificates | null;
  /** For the tunnel and for TLS, each, ms. */
  timeoutMs: number;
}

type Connected = [Error, null] | [null, Socket];

/**
 * How undici gets a connection to an https upstream: through the proxy if there is one, and with TLS whose refusals say
 * which certificate it was. Node's own check decides; a certificate of an unknown issuer gets a second chance with the
 * authorities of the system, which are read only then.
 */
export function createConnector(options: ConnectOptions): buildConnector.connector {
  const { proxy, system, timeoutMs } = options;
  const verify = proxy === null || options.verify;
  const secure = buildConnector({ timeout: timeoutMs, rejectUnauthorized: verify });

  const once = (target: buildConnector.Options, done: (...result: Connected) => void): void => {
    const peer = `${target.hostname}:${target.port === '' ? '443' : target.port}`;
    if (proxy === null) {
      startTls(secure, target, peer, done);
      return;
    }
    const judged = certificateWatch();
    openTunnel(
      { proxy, target: peer, timeoutMs, verify },
      (error, socket) => {
        if (socket !== null) startTls(secure, { ...target, httpSocket: socket }, peer, done);
        else done(ofProxy(proxy, error ?? new Error('no connection'), judged.seen()), null);
      },
      judged.watch,
    );
  };

  return (target, callback) => {
    once(target, (error, socket) => {
      if (error === null) callback(null, socket);
      else if (isUnknownIssuer(errorCode(error)) && system?.load() === true) {
        once(target, (...result) => {
          callback(...result);
        });
      } else callback(error, null);
    });
  };
}

function startTls(
  secure: buildConnector.connector,
  target: buildConnector.Options,
  peer: string,
  done: (...result: Connected) => void,
): void {
  const judged = certificateWatch();
  // undici's type hides that it returns the socket; without it a refusal names no certificate.
  const begin: (...given: Parameters<buildConnector.connector>) => unknown = secure;
  const socket = begin(target, (error, connected) => {
    if (error === null) done(null, connected);
    else done(refusal(error, peer, judged.seen()), null);
  });
  if (socket instanceof TLSSocket) judged.watch(socket);
}

/** Remembers the certificate a socket was shown. */
function certificateWatch(): {
  watch: (socket: TLSSocket) => void;
  seen: () => ShownCertificate | null;
} {
  let seen: ShownCertificate | null = null;
  return {
    watch: (socket) => {
      // Before Node's own listener, which destroys a socket whose certificate it refuses.
      socket.prependOnceListener('secure', () => {
        seen = shownCertificate(socket);
      });
    },
    seen: () => seen,
  };
}

function refusal(error: Error, peer: string, seen: ShownCertificate | null): Error {
  const code = errorCode(error);
  if (!isCertificateError(code)) return error;
  // Under its own name undici takes it for the fault of single requests, and connects again for ever.
  const named = code === 'ERR_TLS_CERT_ALTNAME_INVALID' ? 'CERT_ALTNAME_INVALID' : code;
  return new CertificateError(error, named, peer, seen);
}

function ofProxy(proxy: ProxyServer, error: Error, seen: ShownCertificate | null): Error {
  if (error instanceof ProxyError) return error;
  const code = errorCode(error);
  if (isCertificateError(code)) return refusal(error, `${proxy.host}:${String(proxy.port)}`, seen);
  return new ProxyError(proxy, code === '' ? 'PROXY_TROUBLE' : code, null, error.message, error);
}
