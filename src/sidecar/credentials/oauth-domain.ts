import { basename, join } from 'node:path';

const SUFFIX = '.credentials.json';

/** The domain a credential file is for, by its name. */
export function domainOf(path: string): string {
  return basename(path).slice(0, -SUFFIX.length).toLowerCase();
}

export function credentialPath(dir: string, domain: string): string {
  return join(dir, `${domain}${SUFFIX}`);
}

export function isCredentialFile(name: string): boolean {
  return name.length > SUFFIX.length && name.endsWith(SUFFIX);
}

/** A domain as the look-up uses it (lower case), or why it is none. Nothing that passes can leave a directory. */
export function readDomain(text: string): { domain: string } | { why: string } {
  const domain = text.toLowerCase();
  if (domain.length > 200) return { why: 'is longer than 200 characters' };
  if (/^[a-z0-9.-]+:\d+$/.test(domain)) return { why: 'goes without a port' };
  // As it was typed: some letters of other alphabets lower-case to Latin ones.
  if (!/^[a-z0-9.-]+$/i.test(text)) return { why: 'may have letters, digits, dots and hyphens only' };
  const labels = domain.split('.');
  if (labels.some((label) => label === '')) return { why: 'has an empty part between dots' };
  if (labels.some((label) => label.startsWith('-') || label.endsWith('-'))) {
    return { why: 'has a part that begins or ends with a hyphen' };
  }
  // Windows opens a device for these, whatever follows the first dot.
  if (/^(?:con|prn|aux|nul|com\d|lpt\d)$/.test(labels[0]!)) return { why: 'is the name of a device' };
  return { domain };
}
