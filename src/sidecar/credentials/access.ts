import { decideCredential, type RefusalReason } from '../core/decide-credential.ts';
import { domainName } from '../core/domain-name.ts';
import { presentedKeys } from '../core/presented-keys.ts';
import type { UpstreamCredential } from '../core/upstream-credential.ts';
import { tooManyAttempts } from '../errors.ts';
import type { FailedAttempts } from '../failed-attempts.ts';
import type { Log } from '../log.ts';
import type { CredentialFile } from './credential-file.ts';
import type { Credentials } from './credentials.ts';
import type { DomainEntry } from './read-directory.ts';

/** Whether and with what a request may go upstream. */
export type Access =
  /** With what the client sent. */
  | { kind: 'own' }
  | { kind: 'stored'; credential: UpstreamCredential }
  | { kind: 'refused'; status: 401 | 429 | 503; message: string; retryAfterSeconds: number | null };

/** What of a request tells it. */
export interface Visitor {
  /** The Host header. */
  host: string;
  rawHeaders: readonly string[];
  /** It came under the right path key. */
  pathKey: boolean;
  /** Of the other end of its connection. */
  address: string;
}

export interface AccessRules {
  credentials: Pick<Credentials, 'find' | 'isKeyOf' | 'isClientKey'>;
  /** ENABLE_CLIENT_AUTH. */
  clientAuth: boolean;
  /** The listener can be reached from this machine only. */
  loopback: boolean;
  attempts: FailedAttempts;
  log: Log;
  /** A valid access token of an OAuth file; rejects with a sentence that says what to do. */
  tokenOf: (path: string, file: CredentialFile) => Promise<string>;
  /** Another one than the upstream has refused; null when none is to be had. */
  renewed: (path: string, refused: string) => Promise<string | null>;
}

/**
 * Decides by the matrix of `core/decide-credential.ts`. An address with too many wrong keys is told to wait; a key that
 * this product made is still looked at, since nobody can guess it, and a neighbour's mistakes must not lock its owner out.
 */
export function createAccess(rules: AccessRules): (visitor: Visitor) => Access {
  const { credentials, clientAuth, loopback, attempts, log } = rules;
  return ({ host, rawHeaders, pathKey, address }) => {
    const domain = domainName(host);
    const entry = domain === null ? undefined : credentials.find(domain);
    const keys = presentedKeys(rawHeaders);
    const wait = attempts.waitOf(address);
    const looked = wait === null ? keys : keys.filter(isMadeHere);
    const hasKey = domain !== null && looked.some((key) => credentials.isKeyOf(domain, key));
    const decision = decideCredential({
      file: entry === undefined ? 'none' : entry.file === null ? 'broken' : 'usable',
      proof: hasKey ? 'client-key' : pathKey ? 'path-key' : 'none',
      clientAuth,
      loopback,
      carriesClientKey: keys.some((key) => credentials.isClientKey(key)),
    });
    if (decision.use === 'own') return { kind: 'own' };
    if (decision.use === 'stored' && entry !== undefined && entry.file !== null) {
      return { kind: 'stored', credential: storedCredential(entry, entry.file, rules) };
    }
    const why = decision.use === 'none' ? decision.why : 'no-proof';
    log.warn('Refused to forward a request', { host, why });
    if (why === 'broken-file') {
      return {
        kind: 'refused',
        status: 503,
        message: sentence(why, domain ?? host, loopback),
        retryAfterSeconds: null,
      };
    }
    if (keys.length > 0) attempts.failed(address);
    if (wait !== null && keys.length > 0) {
      return {
        kind: 'refused',
        status: 429,
        message: tooManyAttempts(wait).message,
        retryAfterSeconds: wait,
      };
    }
    return {
      kind: 'refused',
      status: 401,
      message: sentence(why, domain ?? host, loopback),
      retryAfterSeconds: null,
    };
  };
}

const isMadeHere = (key: string): boolean => /^cnp_live_[A-Za-z0-9_-]{43}$/.test(key);

function storedCredential(entry: DomainEntry, file: CredentialFile, rules: AccessRules): UpstreamCredential {
  const accountId = file.accountId ?? null;
  if (file.type === 'api_key') {
    const { api_key: key } = file;
    return { accountId, identity: { kind: 'api-key', text: key }, auth: { type: 'api_key', key } };
  }
  return {
    accountId,
    // Its tokens rotate; the file is the same login until it is replaced.
    identity: { kind: 'bearer', text: `credential-file ${entry.domain}` },
    auth: {
      type: 'oauth',
      token: async () => await rules.tokenOf(entry.path, file),
      renewed: async (refused) => await rules.renewed(entry.path, refused),
    },
  };
}

function sentence(why: RefusalReason, domain: string, loopback: boolean): string {
  const how =
    'as `Authorization: Bearer …` or `x-api-key` (in Claude Code: ANTHROPIC_AUTH_TOKEN). ' +
    `\`claude-nexus generate-api-key --domain ${domain}\` makes one`;
  const pathKey = loopback ? ', or use the base URL with the path key' : '';
  switch (why) {
    case 'no-proof':
      return `The credential stored for "${domain}" is used for clients that show a client API key of it. Send one ${how}${pathKey}.`;
    case 'no-file':
      return `There is no credential for "${domain}" here, and from other machines only stored credentials are used. Put ${domain}.credentials.json into the credentials directory, and send a client API key of it ${how}.`;
    case 'key-of-another':
      return `The client API key in this request is not one of "${domain}", and is not passed on to the Claude API. Send a right one, or the Claude API's own key.`;
    case 'broken-file':
      return `The credential file of "${domain}" cannot be used at the moment. The sidecar's log and status say what is wrong with it.`;
  }
}
