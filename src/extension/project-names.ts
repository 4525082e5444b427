/** Which folder has which project name, by folder URI. Kept, so that a name never moves to another folder. */
export type ProjectNames = Readonly<Record<string, string>>;

/**
 * Gives every folder a project name: the folder's own, `-2`, `-3` … where another folder has it already.
 * Names given before stay. Returns the same object when nothing is new.
 */
export function nameProjects(known: ProjectNames, folders: readonly string[]): ProjectNames {
  const missing = folders.filter((uri) => !(uri in known));
  if (missing.length === 0) return known;
  const names: Record<string, string> = { ...known };
  const taken = new Set(Object.values(known));
  for (const uri of missing) {
    const name = freeName(folderName(uri), taken);
    names[uri] = name;
    taken.add(name);
  }
  return names;
}

/** `http://127.0.0.1:1/k/key` + `my app` → `http://127.0.0.1:1/k/key/p/my%20app`; without a project the base URL as it is. */
export function projectBaseUrl(baseUrl: string, project: string | null): string {
  const base = baseUrl.replace(/\/+$/, '');
  return project === null ? base : `${base}/p/${encodeURIComponent(project)}`;
}

/** The base URL as it may be shown on a screen: the path key is a secret between the sidecar and its clients. */
export function maskPathKey(baseUrl: string): string {
  return baseUrl.replace(/\/k\/[^/]+/, '/k/…');
}

function freeName(name: string, taken: ReadonlySet<string>): string {
  let candidate = name;
  for (let n = 2; taken.has(candidate); n += 1) candidate = `${name}-${String(n)}`;
  return candidate;
}

function folderName(uri: string): string {
  const path = uri.replace(/^[^:]*:\/\/[^/]*/, '').replace(/[?#].*$/, '');
  const last =
    path
      .split('/')
      .filter((part) => part !== '')
      .at(-1) ?? '';
  return decoded(last) || 'workspace';
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A stray % is part of the name, not an encoding.
    return text;
  }
}
