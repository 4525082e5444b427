/**
 * Token and OAuth endpoints, whose bodies are never stored (SPEC 3.3), however the path is spelt: percent-encoded,
 * with doubled slashes or dot segments.
 */
export function isTokenEndpoint(path: string): boolean {
  const plain = plainPath(path);
  return (
    /^\/(?:v1\/|api\/)?oauth(?:\/|$)/.test(plain) ||
    /\/oauth2?\/.*token|\/(?:access_|refresh_)?tokens?$/.test(plain)
  );
}

/** True for the paths whose bodies are buffered and limited to 32 MB (SPEC 1.9). */
export function isMessagesPath(path: string): boolean {
  return /^\/v1\/messages(?:\/count_tokens)?$/.test(plainPath(path));
}

/** What kind of path it is, for counting. */
export function pathKind(path: string): 'messages' | 'count_tokens' | 'other' {
  if (!isMessagesPath(path)) return 'other';
  return plainPath(path).endsWith('count_tokens') ? 'count_tokens' : 'messages';
}

/** Path without query, decoded and with its segments resolved: to recognise it, never to send it. */
function plainPath(path: string): string {
  const end = path.search(/[?#]/);
  const bare = end === -1 ? path : path.slice(0, end);
  let decoded: string;
  try {
    decoded = decodeURIComponent(bare);
  } catch {
    // Not UTF-8 behind the percent signs: none of the paths asked for here.
    decoded = bare;
  }
  const segments: string[] = [];
  for (const segment of decoded.toLowerCase().split('/')) {
    if (segment === '..') segments.pop();
    else if (segment !== '' && segment !== '.') segments.push(segment);
  }
  return `/${segments.join('/')}`;
}
