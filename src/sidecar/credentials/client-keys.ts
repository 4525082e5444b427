import { hash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { invalidCredentialFile, reason } from '../errors.ts';
import { writePrivateJson } from '../private-file.ts';

/** The file of named client keys, in the credentials directory. */
export const CLIENT_KEYS_FILE = 'client-keys.json';

const clientKey = z.object({
  /** Names it to `keys revoke`. */
  id: z.string().regex(/^[0-9a-f]{8}$/, 'expected 8 hex digits'),
  name: z.string().min(1).max(100),
  domain: z.string().min(1),
  /** Hex. The key is 32 random bytes: a plain hash of it cannot be searched. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 hex digits'),
  createdAt: z.iso.datetime(),
});
/** A client key as it is kept: never itself, only its hash. */
export type ClientKey = z.infer<typeof clientKey>;

const keysFile = z.object({ keys: z.array(clientKey) });

/** A new client key (SPEC 2.9): `cnp_live_` and 32 random bytes in base64url. */
export function generateClientKey(): string {
  return `cnp_live_${randomBytes(32).toString('base64url')}`;
}

/** SHA-256 of a key. */
export function digestOf(key: string): Buffer {
  return hash('sha256', key, 'buffer');
}

/**
 * The named keys; none when there is no file.
 *
 * @throws NexusError `invalid_credential_file` that names the file and what is wrong.
 */
export function readClientKeys(path: string): ClientKey[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw invalidCredentialFile(path, [{ path: '', message: `cannot be read (${reason(error)})` }]);
  }
  const parsed = keysFile.safeParse(parseJson(text));
  if (parsed.success) return parsed.data.keys;
  throw invalidCredentialFile(
    path,
    parsed.error.issues.map((issue) => ({ path: issue.path.join('.'), message: issue.message })),
  );
}

/** Keeps a key's hash, under its id when it has no name; what is kept of it. Whole or not at all, 0600. */
export function addClientKey(
  path: string,
  key: string,
  domain: string,
  name: string | null,
  now: Date,
): ClientKey {
  const id = randomBytes(4).toString('hex');
  const kept: ClientKey = {
    id,
    name: name ?? id,
    domain,
    sha256: digestOf(key).toString('hex'),
    createdAt: now.toISOString(),
  };
  writePrivateJson(path, { keys: [...readClientKeys(path), kept] });
  return kept;
}

/** Forgets the keys with these ids. */
export function removeClientKeys(path: string, ids: ReadonlySet<string>): void {
  writePrivateJson(path, { keys: readClientKeys(path).filter(({ id }) => !ids.has(id)) });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON: the shape's message says what was expected instead.
    return undefined;
  }
}
