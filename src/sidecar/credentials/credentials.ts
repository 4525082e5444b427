import { timingSafeEqual } from 'node:crypto';
import type { CredentialList } from '../../protocol/credentials.ts';
import type { CredentialsStatus } from '../../protocol/status.ts';
import { makeDirectory } from '../data-dir.ts';
import { reason } from '../errors.ts';
import type { Log } from '../log.ts';
import { digestOf } from './client-keys.ts';
import type { CredentialFile } from './credential-file.ts';
import { listCredentials } from './credential-list.ts';
import { credentialLine, describeCredential } from './oauth-status.ts';
import { nothingRead, readDirectory, type Contents, type DomainEntry } from './read-directory.ts';
import { watchDirectory } from './watch-directory.ts';

/** The stored credentials and client keys of all domains, as they are on the disk now. */
export interface Credentials {
  /** undefined: nothing is stored for this domain (as `domainName` gives it). A file beats what was handed over. */
  find(domain: string): DomainEntry | undefined;
  /** The path of the domain's file; null: it has none. */
  fileOf(domain: string): string | null;
  /** True when `key` is one of the domain's client keys. Compared in constant time. */
  isKeyOf(domain: string, key: string): boolean;
  /** True when `key` is a client key of any domain, or has the form of one. */
  isClientKey(key: string): boolean;
  /** Client keys that cannot be told by their form, to be masked wherever they stand. */
  plainKeys(): readonly string[];
  /**
   * Keeps an API key in memory until `letGo` or the end of this process: VS Code has it in its own safe place, and a
   * sidecar that starts anew is told again.
   */
  hold(domain: string, apiKey: string, accountId: string | null): void;
  /** False: nothing was held for this domain. */
  letGo(domain: string): boolean;
  /** Looks at the directory at once, for whoever has just changed it. */
  look(): void;
  /** Everything that may be shown, never a secret. `now` in ms since the epoch. */
  list(now: number): Omit<CredentialList, 'upstream'>;
  status(): CredentialsStatus;
  close(): void;
}

/** Every client key that this product makes begins so. */
const CLIENT_KEY = 'cnp_live_';

interface KeyHash {
  domain: string;
  digest: Buffer;
}

/**
 * Opens the credentials directory (made for this user alone when it is missing) and follows it: what is added, saved,
 * renamed and deleted counts from the next request on. `onChange` is called after that.
 */
export function openCredentials(dir: string, log: Log, onChange: () => void): Credentials {
  try {
    makeDirectory(dir, 0o700);
  } catch (error) {
    log.warn('The credentials directory cannot be made', { dir, error: reason(error) });
  }
  let contents = nothingRead;
  let hashes: KeyHash[] = [];
  let plainKeys: string[] = [];

  const held = new Map<string, DomainEntry>();

  const look = (): boolean => {
    const before = contents;
    contents = readDirectory(dir, before);
    const own = [...contents.domains.values()].flatMap(({ domain, file }) =>
      file?.client_api_key === undefined ? [] : [{ domain, key: file.client_api_key }],
    );
    hashes = [
      ...own.map(({ domain, key }) => ({ domain, digest: digestOf(key) })),
      ...contents.keys.map(({ domain, sha256 }) => ({ domain, digest: Buffer.from(sha256, 'hex') })),
    ];
    plainKeys = own.map(({ key }) => key).filter((key) => !key.startsWith(CLIENT_KEY));
    return tellChanges(before, contents, log);
  };
  look();
  const lookAndTell = (): void => {
    if (look()) onChange();
  };
  const watch = watchDirectory(dir, log, lookAndTell);
  const find = (domain: string): DomainEntry | undefined => contents.domains.get(domain) ?? held.get(domain);

  /** Every hash is compared, so that time does not tell which one fitted. */
  const domainsOf = (key: string): string[] => {
    if (hashes.length === 0) return [];
    const digest = digestOf(key);
    return hashes.filter((known) => timingSafeEqual(known.digest, digest)).map(({ domain }) => domain);
  };
  return {
    find,
    fileOf: (domain) => contents.domains.get(domain)?.path ?? null,
    isKeyOf: (domain, key) => domainsOf(key).includes(domain),
    isClientKey: (key) => key.startsWith(CLIENT_KEY) || domainsOf(key).length > 0,
    plainKeys: () => plainKeys,
    hold: (domain, apiKey, accountId) => {
      const file: CredentialFile = {
        type: 'api_key',
        api_key: apiKey,
        ...(accountId === null ? {} : { accountId }),
      };
      held.set(domain, { domain, path: '', signature: '', file, problem: null });
      log.info('An API key was handed over', { domain });
      onChange();
    },
    letGo: (domain) => {
      if (!held.delete(domain)) return false;
      log.info('An API key that was handed over is gone', { domain });
      onChange();
      return true;
    },
    look: lookAndTell,
    list: (now) => listCredentials(dir, contents, held, now),
    status: () => ({
      dir,
      domains: [...new Map([...held, ...contents.domains]).values()].map(({ domain, file, problem }) => ({
        domain,
        type: file?.type ?? null,
        accountId: file?.accountId ?? null,
        clientKeys: hashes.filter((known) => known.domain === domain).length,
        problem,
      })),
      problems: [...contents.problems],
      warnings: [...contents.warnings],
    }),
    close: () => {
      watch.close();
    },
  };
}

/** Logs what is new, each thing once; whether there was anything. */
function tellChanges(before: Contents, now: Contents, log: Log): boolean {
  let changed = now.keysSignature !== before.keysSignature || now.notesSignature !== before.notesSignature;
  for (const entry of now.domains.values()) {
    const { domain, path, problem, file } = entry;
    if (before.domains.get(domain) === entry) continue;
    changed = true;
    if (file === null) log.warn('A credential file cannot be used', { path, problem });
    else {
      const status = describeCredential(path, file, Date.now());
      log[status.problem === null ? 'info' : 'warn']('Credential file read', {
        path,
        is: credentialLine(status),
      });
    }
  }
  for (const { domain, path } of before.domains.values()) {
    if (now.domains.has(domain)) continue;
    changed = true;
    log.info('Credential file gone', { path, domain });
  }
  const isNew = (known: readonly string[]) => (text: string) => !known.includes(text);
  const problems = now.problems.filter(isNew(before.problems));
  const warnings = now.warnings.filter(isNew(before.warnings));
  for (const problem of problems) {
    log.warn('Something in the credentials directory cannot be used', { problem });
  }
  for (const warning of warnings) log.warn('Credentials are open to others', { warning });
  const fewer = now.problems.length < before.problems.length || now.warnings.length < before.warnings.length;
  return changed || fewer || problems.length > 0 || warnings.length > 0;
}
