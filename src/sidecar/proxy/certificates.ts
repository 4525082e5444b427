// As one object: a name that an older Node does not export would keep the program from loading.
import tls, { type PeerCertificate, type TLSSocket } from 'node:tls';
import { reason } from '../errors.ts';
import type { Log } from '../log.ts';

/** What a message says of a certificate that was refused. */
export interface ShownCertificate {
  readonly subject: string;
  readonly issuer: string;
  /** Until when it is valid, as it stands in it. */
  readonly validTo: string;
  readonly fingerprint: string;
}

/** A TLS handshake that failed over the peer's certificate; `code` is Node's. */
export class CertificateError extends Error {
  readonly code: string;
  /** Whose certificate: `host:port`. */
  readonly peer: string;
  readonly certificate: ShownCertificate | null;

  constructor(cause: Error, code: string, peer: string, certificate: ShownCertificate | null) {
    super(cause.message, { cause });
    this.name = 'CertificateError';
    this.code = code;
    this.peer = peer;
    this.certificate = certificate;
  }
}

/** True for a certificate that will be refused the next time too. */
export function isCertificateError(code: string): boolean {
  return /^(?:CERT_|ERR_TLS_CERT|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|INVALID_(?:CA|PURPOSE)|HOSTNAME_MISMATCH)/.test(
    code,
  );
}

/** True where another authority in the store could make the difference. */
export function isUnknownIssuer(code: string): boolean {
  return /^(?:UNABLE_TO_GET_ISSUER|UNABLE_TO_VERIFY|SELF_SIGNED|DEPTH_ZERO)/.test(code);
}

/** Call when the handshake has ended, and before Node judges the certificate. */
export function shownCertificate(socket: TLSSocket): ShownCertificate | null {
  const found: Partial<PeerCertificate> = socket.getPeerCertificate();
  if (found.fingerprint256 === undefined) return null;
  return {
    subject: nameOf(found.subject),
    issuer: nameOf(found.issuer),
    validTo: found.valid_to ?? '',
    fingerprint: found.fingerprint256,
  };
}

/** `CN=…, O=…`; whoever made the certificate wrote it, so it is shortened and cannot hold control characters. */
function nameOf(parts: object | undefined): string {
  const shown = Object.entries(parts ?? {}).map(([key, value]) => `${key}=${[value].flat().join('+')}`);
  const text = shown.join(', ').replaceAll(/\p{Cc}+/gu, ' ');
  return text === '' ? '(no name)' : text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

/** The authorities this machine trusts beside Node's own. */
export interface SystemCertificates {
  /** Makes Node trust them too, once; true when that added any. Takes some 100 ms, so only a refusal is reason for it. */
  load(): boolean;
}

/**
 * Adds the operating system's authorities to those Node trusts, for the whole process. Without `setDefaultCACertificates`
 * (Node before 22.19) nothing can be added afterwards.
 */
export function systemCertificates(log: Log): SystemCertificates {
  let tried = false;
  return {
    load() {
      if (tried) return false;
      tried = true;
      if (!('setDefaultCACertificates' in tls)) {
        log.info('This Node cannot add the certificates of the system; NODE_EXTRA_CA_CERTS works');
        return false;
      }
      try {
        const known = new Set(tls.getCACertificates('default'));
        const added = tls.getCACertificates('system').filter((certificate) => !known.has(certificate));
        if (added.length === 0) return false;
        tls.setDefaultCACertificates([...known, ...added]);
        log.info('The certificates of the system are trusted too', { added: added.length });
        return true;
      } catch (error) {
        log.warn('The certificates of the system could not be read', { error: reason(error) });
        return false;
      }
    },
  };
}
