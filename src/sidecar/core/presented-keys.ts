/** Headers in which a client shows who it is. */
const carriers = new Set(['authorization', 'x-api-key', 'x-dashboard-key']);

/**
 * Every secret a raw header list (name, value, name, value …) presents, each once: repeated headers and lists too, since
 * all of them would go upstream. Of `Authorization` what follows the scheme.
 */
export function presentedKeys(rawHeaders: readonly string[]): string[] {
  const found = new Set<string>();
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]!.toLowerCase();
    if (!carriers.has(name)) continue;
    for (const word of rawHeaders[index + 1]!.split(/[\s,]+/)) {
      if (word !== '' && !(name === 'authorization' && /^bearer$/i.test(word))) found.add(word);
    }
  }
  return [...found];
}
