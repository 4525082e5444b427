import type { ProblemCode } from '../../protocol/problem.ts';
import { NexusError } from '../errors.ts';
import type { Refusal } from './route.ts';
import { CertificateError } from './certificates.ts';
import { errorCode } from './error-code.ts';
import { ProxyError } from './tunnel.ts';

/**
 * An exchange that failed on our side of the upstream's answer, in the words the client gets. `type` is Anthropic's
 * error type; `code` is ours, for the record.
 */
export interface Failure {
  status: number;
  type: string;
  code: ProblemCode;
  message: string;
  /** For `Retry-After`. */
  retryAfterSeconds?: number;
}

/** The body of an own failure, in Anthropic's error shape (as every client of theirs parses it). */
export function failureBody(failure: Failure, requestId: string | null): Buffer {
  const error = { type: failure.type, message: failure.message };
  return Buffer.from(
    JSON.stringify({ type: 'error', error, ...(requestId === null ? {} : { request_id: requestId }) }),
  );
}

export const tooLarge = (limit: number): Failure => ({
  status: 413,
  type: 'request_too_large',
  code: 'too_large',
  message: `Request exceeds the maximum size of ${String(limit / (1024 * 1024))} MB for this path. Send less, or upload large content through the Files API.`,
});

const refusals = {
  400: { type: 'invalid_request_error', code: 'bad_request' },
  401: { type: 'authentication_error', code: 'unauthorized' },
  429: { type: 'rate_limit_error', code: 'too_many_attempts' },
  503: { type: 'api_error', code: 'invalid_credential_file' },
} as const;

export const refused = ({ status, message, retryAfterSeconds }: Refusal): Failure => ({
  status,
  ...refusals[status],
  message: `Claude Nexus: ${message}`,
  ...(typeof retryAfterSeconds === 'number' ? { retryAfterSeconds } : {}),
});

/** A stored credential cannot be used; `cause` says why in a sentence, and what to do. */
/** A login that only cannot be refreshed now is 503: clients try again by themselves. */
export const noAccount = (cause: unknown): Failure => ({
  ...(cause instanceof NexusError && cause.code === 'login_unreachable'
    ? { status: 503, type: 'api_error', code: cause.code }
    : { status: 401, type: 'authentication_error', code: 'unauthorized' }),
  message: `Claude Nexus has no valid credential for this domain: ${cause instanceof Error ? cause.message : String(cause)}`,
});

export const stopping = (): Failure => ({
  status: 503,
  type: 'api_error',
  code: 'shutting_down',
  message:
    'Claude Nexus is shutting down. Try again in a moment; the sidecar keeps its port when it starts anew.',
});

export const timedOut = (origin: string, ms: number, phase: 'head' | 'body'): Failure => ({
  status: 504,
  type: 'timeout_error',
  code: 'upstream_timeout',
  message:
    `Claude Nexus: ${origin} ${phase === 'head' ? 'did not answer' : 'sent nothing more'} for ${String(ms)} ms, so the request was given up. ` +
    'Try again; CLAUDE_API_TIMEOUT sets how long to wait.',
});

const hints: Record<string, string> = {
  ECONNREFUSED: 'Nothing listens there: check the upstream setting (CLAUDE_API_BASE_URL).',
  ENOTFOUND:
    'The name cannot be looked up: check the network, the VPN and the upstream setting (CLAUDE_API_BASE_URL); behind a company proxy, HTTPS_PROXY (in VS Code: http.proxy).',
  EAI_AGAIN: 'The name cannot be looked up at the moment: check the network and the VPN.',
  UND_ERR_CONNECT_TIMEOUT:
    'The connection could not be made in time: check the network, the VPN and the firewall; behind a company proxy, HTTPS_PROXY (in VS Code: http.proxy).',
  EPROTO: 'What answered does not speak TLS: check the upstream setting (CLAUDE_API_BASE_URL).',
};

/** The upstream could not be reached, or went away before it answered. `cause` is undici's or the socket's error. */
export function unreachable(origin: string, cause: Error, sent: boolean): Failure {
  if (cause instanceof ProxyError) return unreached(throughProxy(origin, cause));
  if (cause instanceof CertificateError) return unreached(certificateRefused(origin, cause));
  const code = errorCode(cause);
  const hint =
    hints[code.startsWith('ERR_SSL_') ? 'EPROTO' : code] ??
    (sent
      ? 'It closed the connection without an answer; trying again is safe if the request may be run twice.'
      : 'Check the network and the upstream setting (CLAUDE_API_BASE_URL).');
  return unreached(`could not reach ${origin} (${code === '' ? cause.message : code}). ${hint}`);
}

const unreached = (what: string): Failure => ({
  status: 502,
  type: 'api_error',
  code: 'upstream_unreachable',
  message: `Claude Nexus ${what}`,
});

const PROXY_SETTING = 'HTTPS_PROXY (in VS Code: http.proxy)';
const NO_PROXY_SETTING = 'NO_PROXY (in VS Code: http.noProxy)';

function throughProxy(origin: string, { proxy, status, code, message }: ProxyError): string {
  const where = `could not reach ${origin} through the proxy ${proxy.host}:${String(proxy.port)}, which ${proxy.variable} names`;
  if (status === null) {
    const why = code === 'PROXY_TROUBLE' ? message : code;
    return `${where} (${why}). Check ${PROXY_SETTING}; if the upstream can be reached directly, name it in ${NO_PROXY_SETTING}.`;
  }
  const hint =
    status === 407
      ? `It asks for a user name and password: write them into ${PROXY_SETTING} as http://user:password@host:port.`
      : status >= 500
        ? 'It could not reach the upstream itself: try again, or ask whoever runs it.'
        : `It does not allow this connection: ask whoever runs it; if the upstream can be reached directly, name it in ${NO_PROXY_SETTING}.`;
  return `${where} (it answered ${String(status)}). ${hint}`;
}

function certificateRefused(origin: string, { code, peer, certificate, message }: CertificateError): string {
  const shown =
    certificate === null
      ? ''
      : ` The certificate: subject ${certificate.subject}; issuer ${certificate.issuer}; valid to ${certificate.validTo}; SHA-256 ${certificate.fingerprint}.`;
  return `could not reach ${origin}: the certificate of ${peer} is not trusted (${code}: ${message}).${shown} ${certificateHint(code)}`;
}

function certificateHint(code: string): string {
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID') {
    return 'Check the clock of this machine, or what intercepts the connection.';
  }
  if (code === 'CERT_ALTNAME_INVALID') {
    return 'It was made for another name: check the upstream setting (CLAUDE_API_BASE_URL), or what intercepts the connection.';
  }
  return (
    'If a company proxy intercepts TLS, give the file of its CA to Node with NODE_EXTRA_CA_CERTS, or add it to the ' +
    'certificates of the system, which are used while NEXUS_SYSTEM_CERTIFICATES (in VS Code: http.systemCertificates) is on.'
  );
}

/** undici refused to send it: a header or path that HTTP does not allow. */
export const unsendable = (cause: Error): Failure => ({
  status: 400,
  type: 'invalid_request_error',
  code: 'bad_request',
  message: `Claude Nexus cannot forward this request: ${cause.message}.`,
});
