import { hash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { badRequest, invalidCredentialFile, reason } from '../errors.ts';
import { writePrivateJson } from '../private-file.ts';
import { changeLocked } from './file-lock.ts';

/** The file of named client keys, in the credentials directory. */
export const CLIENT_KEYS_FILE = 'client-keys.json';

const clientKey = z.object({
  /** Names it to `keys revoke` and to the control API. */
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

/** What is kept of a key, without its hash. */
export type KeptKey = Pick<ClientKey, 'id' | 'name' | 'domain' | 'createdAt'>;

/**
 * Keeps a key's hash, under its id when it has no name; what is kept of it. Whole or not at all, 0600. The file is
 * locked from reading to writing, so that of two processes neither loses what the other one does.
 *
 * @throws NexusError `bad_request` when the domain has a key of that name; `data_dir_not_writable` when the file cannot
 *   be locked.
 */
export async function addClientKey(
  path: string,
  key: string,
  domain: string,
  name: string | null,
  now: Date,
): Promise<KeptKey> {
  return await changeClientKeys(path, (keys) => {
    if (name !== null && keys.some((other) => other.domain === domain && other.name === name)) {
      const message = `there is a key "${name}" for ${domain} already; revoke it or choose another name`;
      throw badRequest(`The key was not made: ${message}.`, [{ path: 'name', message }]);
    }
    const id = freeId(keys);
    const createdAt = now.toISOString();
    const kept = { id, name: name ?? id, domain, createdAt };
    return { keys: [...keys, { ...kept, sha256: digestOf(key).toString('hex') }], result: kept };
  });
}

/**
 * Forgets the key with this id; what was kept of it, or null when there is none. Throws like `addClientKey`.
 */
export async function removeClientKey(path: string, id: string): Promise<KeptKey | null> {
  // Nothing is locked, and so nothing written, where there is nothing.
  if (!readClientKeys(path).some((key) => key.id === id)) return null;
  return await changeClientKeys(path, (keys) => {
    const found = keys.find((key) => key.id === id);
    if (found === undefined) return { keys: null, result: null };
    const { sha256: _, ...kept } = found;
    return { keys: keys.filter((key) => key !== found), result: kept };
  });
}

/** Ids have 8 digits: sooner or later one comes twice. */
function freeId(keys: readonly ClientKey[]): string {
  for (;;) {
    const id = randomBytes(4).toString('hex');
    if (!keys.some((key) => key.id === id)) return id;
  }
}

/** `keys` null: they stay as they are. */
async function changeClientKeys<T>(
  path: string,
  change: (keys: ClientKey[]) => { keys: ClientKey[] | null; result: T },
): Promise<T> {
  return await changeLocked(path, () => {
    const { keys, result } = change(readClientKeys(path));
    if (keys !== null) writePrivateJson(path, { keys });
    return result;
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON: the shape's message says what was expected instead.
    return undefined;
  }
}
