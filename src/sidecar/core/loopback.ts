/**
 * True for a host that only this machine can reach: a listen address, or a host name as a parsed URL has it (IPv4
 * normalised to four numbers, IPv6 in brackets).
 */
export function isLoopback(host: string): boolean {
  return /^(?:127(?:\.\d{1,3}){3}|::1|\[::1\]|localhost)$/i.test(host);
}
