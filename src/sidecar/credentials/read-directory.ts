import { readdirSync, statSync, type BigIntStats } from 'node:fs';
import { join } from 'node:path';
import { readDomain } from '../core/domain-name.ts';
import { reason } from '../errors.ts';
import { CLIENT_KEYS_FILE, readClientKeys, type ClientKey } from './client-keys.ts';
import { CREDENTIAL_SUFFIX, isCredentialFile } from './credential-path.ts';
import { readCredentialFile, type CredentialFile } from './credential-file.ts';
import { isRefusalNote } from './oauth-refusal.ts';

/**
 * What there is for one domain; `file` null: a file that cannot be used, and `problem` says why. `path` empty: there is
 * no file, VS Code has handed it over.
 */
export type DomainEntry = { domain: string; path: string; signature: string } & (
  { file: CredentialFile; problem: null } | { file: null; problem: string }
);

/** What is in the credentials directory. */
export interface Contents {
  domains: ReadonlyMap<string, DomainEntry>;
  keys: readonly ClientKey[];
  keysSignature: string;
  /** Which refusals are noted beside the files. */
  notesSignature: string;
  /** What belongs to no domain: odd names, a key file that cannot be used, a directory that cannot be read. */
  problems: readonly string[];
  /** Files and the directory when others than this user may read them. */
  warnings: readonly string[];
}

export const nothingRead: Contents = {
  domains: new Map(),
  keys: [],
  keysSignature: '',
  notesSignature: '',
  problems: [],
  warnings: [],
};

/**
 * Reads what has changed since `before`. One bad file never hides the others; of a directory that is there and cannot be
 * read what was known stays, so that its domains stay closed. No message holds a secret.
 */
export function readDirectory(dir: string, before: Contents): Contents {
  let names: string[];
  const warnings: string[] = [];
  try {
    warnIfShared(dir, statSync(dir, { bigint: true }), warnings);
    names = readdirSync(dir).toSorted();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      return { ...nothingRead, problems: [`${dir} does not exist, so no credentials are stored.`] };
    }
    return { ...before, problems: [`${dir} cannot be read (${reason(error)}). What was read before holds.`] };
  }
  const domains = new Map<string, DomainEntry>();
  const problems: string[] = [];
  const notes: string[] = [];
  for (const name of names) {
    if (isRefusalNote(name)) notes.push(noteOf(join(dir, name)));
    if (!isCredentialFile(name)) continue;
    const path = join(dir, name);
    const stem = name.slice(0, -CREDENTIAL_SUFFIX.length);
    const read = readDomain(stem);
    if ('why' in read) {
      problems.push(
        `${path}: "${stem}" is no domain: it ${read.why}. Name the file <domain>${CREDENTIAL_SUFFIX}.`,
      );
      continue;
    }
    const { domain } = read;
    if (domains.has(domain)) {
      problems.push(`${path}: there is another file for ${domain}, which is used. Remove one of them.`);
    } else {
      domains.set(domain, readEntry(domain, path, before.domains.get(domain), warnings));
    }
  }
  const path = join(dir, CLIENT_KEYS_FILE);
  const { keys, keysSignature } = readKeys(path, before, problems, warnings);
  return { domains, keys, keysSignature, notesSignature: notes.join('\n'), problems, warnings };
}

function readEntry(
  domain: string,
  path: string,
  before: DomainEntry | undefined,
  warnings: string[],
): DomainEntry {
  let signature = '';
  try {
    const stats = statSync(path, { bigint: true });
    warnIfShared(path, stats, warnings);
    signature = signatureOf(stats);
    if (before?.path === path && before.signature === signature) return before;
    // Reading a pipe would wait for ever.
    if (!stats.isFile()) return { domain, path, signature, file: null, problem: `${path}: is not a file` };
    return { domain, path, signature, file: readCredentialFile(path), problem: null };
  } catch (error) {
    return { domain, path, signature, file: null, problem: reason(error) };
  }
}

function readKeys(
  path: string,
  before: Contents,
  problems: string[],
  warnings: string[],
): Pick<Contents, 'keys' | 'keysSignature'> {
  try {
    const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
    if (stats === undefined) return { keys: [], keysSignature: '' };
    warnIfShared(path, stats, warnings);
    const keysSignature = signatureOf(stats);
    if (keysSignature === before.keysSignature) return { keys: before.keys, keysSignature };
    return { keys: readClientKeys(path), keysSignature };
  } catch (error) {
    problems.push(reason(error));
    return { keys: [], keysSignature: '' };
  }
}

/** Of a note that may be taken away at this moment. */
function noteOf(path: string): string {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stats === undefined ? '' : `${path} ${signatureOf(stats)}`;
}

/** Tells whether a file is still the one that was read. */
function signatureOf(stats: BigIntStats): string {
  return [stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join(' ');
}

function warnIfShared(path: string, stats: BigIntStats, warnings: string[]): void {
  // Windows has no such bits: a file there has its directory's rights.
  if (process.platform === 'win32' || (stats.mode & 0o077n) === 0n) return;
  const mode = stats.isDirectory() ? '700' : '600';
  warnings.push(`Other users of this machine may use ${path}. Run: chmod ${mode} "${path}"`);
}
