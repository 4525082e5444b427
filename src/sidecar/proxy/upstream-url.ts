/** `hostname` as a parsed URL has it: IPv4 is normalised to four numbers, IPv6 is in brackets. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}
