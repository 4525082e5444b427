/**
 * Raw header lists (name, value, name, value …) on their way through: order, case and duplicates stay, only what
 * belongs to one connection is taken out (RFC 9110 §7.6.1). Pure.
 */

const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'transfer-encoding',
  'upgrade',
]);

/** Names a `Connection` header declares to belong to this hop. */
function listedInConnection(raw: readonly string[]): Set<string> {
  const names = new Set<string>();
  for (let i = 0; i + 1 < raw.length; i += 2) {
    if (raw[i]?.toLowerCase() !== 'connection') continue;
    for (const name of (raw[i + 1] ?? '').split(',')) names.add(name.trim().toLowerCase());
  }
  return names;
}

function without(raw: readonly string[], dropped: (lowerName: string) => boolean): string[] {
  const listed = listedInConnection(raw);
  const out: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? '';
    const lower = name.toLowerCase();
    if (hopByHop.has(lower) || listed.has(lower) || dropped(lower)) continue;
    out.push(name, raw[i + 1] ?? '');
  }
  return out;
}

/**
 * The client's headers for the upstream. `Host` is the upstream's own; `Expect` was answered here (Node sends the
 * 100); `Trailer` announces trailers undici cannot send; the request's framing is undici's, so a repeated
 * `Content-Length` (equal by then: Node refuses others) goes along once.
 */
export function forUpstream(raw: readonly string[]): string[] {
  let lengthSeen = false;
  return without(raw, (name) => {
    if (name === 'content-length') {
      const again = lengthSeen;
      lengthSeen = true;
      return again;
    }
    return name === 'host' || name === 'expect' || name === 'trailer' || name === 'http2-settings';
  });
}

/**
 * The upstream's headers for the client. `Trailer` stays only where trailers can follow. `added` come last.
 */
export function forClient(
  raw: readonly string[],
  trailersPossible: boolean,
  added: readonly string[],
): string[] {
  return [...without(raw, (name) => name === 'trailer' && !trailersPossible), ...added];
}

/** The raw list undici hands over as bytes; header bytes are Latin-1 on the wire and in Node's own lists. */
export function fromBytes(raw: readonly (Buffer | string)[]): string[] {
  return raw.map((part) => (typeof part === 'string' ? part : part.toString('latin1')));
}

/** The same list as pairs. */
export function pairs(raw: readonly string[]): [string, string][] {
  const out: [string, string][] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) out.push([raw[i] ?? '', raw[i + 1] ?? '']);
  return out;
}

/** The first value of a header, by its lower-case name. */
export function headerValue(raw: readonly string[], lowerName: string): string | null {
  for (let i = 0; i + 1 < raw.length; i += 2) {
    if (raw[i]?.toLowerCase() === lowerName) return raw[i + 1] ?? '';
  }
  return null;
}

/** `Content-Length` as a number of bytes; null when absent or not a plain number. */
export function contentLength(raw: readonly string[]): number | null {
  const value = headerValue(raw, 'content-length');
  return value !== null && /^\d{1,15}$/.test(value) ? Number(value) : null;
}

/** True when a request with these headers carries a body. */
export function hasBody(raw: readonly string[]): boolean {
  return headerValue(raw, 'transfer-encoding') !== null || (contentLength(raw) ?? 0) > 0;
}
