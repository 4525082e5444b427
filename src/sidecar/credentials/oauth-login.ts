import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { makeDirectory } from '../data-dir.ts';
import { writePrivateJson } from '../private-file.ts';
import { readCredentialFile, writeOauthTokens, type CredentialFile } from './credential-file.ts';
import type { GrantedTokens } from './oauth-endpoint.ts';
import { withFileLock } from './file-lock.ts';
import { clearRefusal } from './oauth-refusal.ts';

/**
 * Puts the tokens of a log-in into the domain's credential file (0600). All else of an existing file stays; a new one
 * has `type` and `oauth` only. Waits for a refresh that is under way, so that it cannot overwrite this.
 *
 * @throws NexusError `invalid_credential_file` for an existing file that cannot be read; it is left as it is.
 */
export async function saveLogin(path: string, granted: GrantedTokens, refreshToken: string): Promise<void> {
  const { accessToken, expiresAt, scopes } = granted;
  makeDirectory(dirname(path), 0o700);
  await withFileLock(path, () => {
    const old = existingCredential(path);
    const tokens = {
      accessToken,
      refreshToken,
      expiresAt,
      scopes: scopes ?? [],
      isMax: old?.type === 'oauth' && old.oauth.isMax,
    };
    if (old === null) writePrivateJson(path, { type: 'oauth', oauth: tokens });
    else writeOauthTokens(path, tokens);
    clearRefusal(path);
    return Promise.resolve();
  });
}

/** The credential file if there is one. Throws like `saveLogin`. */
export function existingCredential(path: string): CredentialFile | null {
  return existsSync(path) ? readCredentialFile(path) : null;
}
