/** How a credential file is named: this behind its domain. */
export const CREDENTIAL_SUFFIX = '.credentials.json';

/**
 * The domain of a Host value or of what a user typed: lower-cased, without port. null for what is no plain DNS name or
 * IPv4 address, so that a domain can stand in a file name and never leads out of its directory. (An IPv6 address cannot
 * stand in a file name on Windows and has no domain.)
 */
export function domainName(host: string): string | null {
  // As it came: some letters of other alphabets have a Latin one as their lower case.
  const match = /^([a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)(?::\d{1,5})?$/i.exec(host);
  const name = match?.[1]?.toLowerCase();
  return name === undefined || name.includes('..') ? null : name;
}
