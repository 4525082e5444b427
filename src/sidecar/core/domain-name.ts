/**
 * A domain as the look-up uses it (a plain DNS name or IPv4 address, lower case), or why the text is none. A domain stands in
 * a file name and never leads out of its directory; the files beside it have longer names, hence 200. (An IPv6 address
 * cannot stand in a file name on Windows and has no domain.)
 */
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

/** The domain of a Host value: without its port. null for what is none. */
export function domainName(host: string): string | null {
  const read = readDomain(host.replace(/:\d{1,5}$/, ''));
  return 'domain' in read ? read.domain : null;
}
