import { randomBytes } from 'node:crypto';
import { chmodSync } from 'node:fs';
import { z } from 'zod';
import { readPrivateJson, writePrivateJson } from './private-file.ts';

const secret = z.string().regex(/^[A-Za-z0-9_-]{16,128}$/);

const state = z.object({
  /** The port bound last; null before the first start. */
  port: z.number().int().min(1).max(65535).nullable(),
  pathKey: secret,
  token: secret,
  /** The store's key of account ids, as last told: the first requests of a start know their account without it. */
  salt: z.string().nullable().default(null),
});
/** What stays the same over restarts of one data directory, so that open terminals and windows keep working. */
export type SidecarState = z.infer<typeof state>;

/** The kept state, or a new one with fresh secrets (written at once). */
export function loadState(path: string): SidecarState {
  const kept = readPrivateJson(path, state);
  if (kept !== null) {
    // A file restored from a backup may have lost its mode.
    if (process.platform !== 'win32') chmodSync(path, 0o600);
    return kept;
  }
  const fresh: SidecarState = {
    port: null,
    pathKey: randomBytes(18).toString('base64url'),
    token: randomBytes(32).toString('base64url'),
    salt: null,
  };
  writePrivateJson(path, fresh);
  return fresh;
}

export function saveState(path: string, value: SidecarState): void {
  writePrivateJson(path, value);
}
