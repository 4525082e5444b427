import { basename, join } from 'node:path';

/** How a credential file is named: this behind its domain. */
export const CREDENTIAL_SUFFIX = '.credentials.json';

/** The domain a credential file is for, by its name. */
export function domainOf(path: string): string {
  return basename(path).slice(0, -CREDENTIAL_SUFFIX.length).toLowerCase();
}

export function credentialPath(dir: string, domain: string): string {
  return join(dir, `${domain}${CREDENTIAL_SUFFIX}`);
}

/** By its name. Dot files are what editors and macOS leave beside a file. */
export function isCredentialFile(name: string): boolean {
  return !name.startsWith('.') && name.toLowerCase().endsWith(CREDENTIAL_SUFFIX);
}
