/**
 * Whose credential goes upstream with a request (API.md, "Proxy, in this order"). Pure: the one place that decides it.
 */

/** A request as far as its right to a stored credential goes. */
export interface CredentialQuestion {
  /** What there is for the domain of its Host; `broken`: a file, but one that cannot be used. */
  file: 'none' | 'usable' | 'broken';
  /** What it showed that is right: a client API key of this domain, the path key, neither. */
  proof: 'client-key' | 'path-key' | 'none';
  /** ENABLE_CLIENT_AUTH. */
  clientAuth: boolean;
  /** The listener can be reached from this machine only. */
  loopback: boolean;
  /** It carries a key that this product made, for whichever domain: that one never goes upstream. */
  carriesClientKey: boolean;
}

export type CredentialDecision =
  | { use: 'stored' }
  /** What the client sent goes on as it is. */
  | { use: 'own' }
  | { use: 'none'; why: RefusalReason };

export type RefusalReason =
  /** There is a stored credential, and the request did not show that it may use it. */
  | 'no-proof'
  /** Nothing is stored for this domain, and from other machines nothing else is served. */
  | 'no-file'
  /** A client key of another domain, a revoked or a mistyped one. */
  | 'key-of-another'
  | 'broken-file';

/**
 * A stored credential is only ever answered to a request with proof, whatever the settings say: switching client
 * authentication off lets the client's *own* credential pass, on loopback.
 */
export function decideCredential(question: CredentialQuestion): CredentialDecision {
  const { file, proof, clientAuth, loopback, carriesClientKey } = question;
  const proven = proof === 'client-key' || (proof === 'path-key' && loopback);
  if (file !== 'none' && proven) {
    return file === 'usable' ? { use: 'stored' } : { use: 'none', why: 'broken-file' };
  }
  if (file !== 'none' && (clientAuth || !loopback)) return { use: 'none', why: 'no-proof' };
  if (!loopback) return { use: 'none', why: 'no-file' };
  return carriesClientKey ? { use: 'none', why: 'key-of-another' } : { use: 'own' };
}
