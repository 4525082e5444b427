import type { CredentialFile } from './credential-file.ts';

/** The file's access token while it is valid; rejects with a sentence otherwise. Nothing is refreshed here. */
export function storedToken(path: string, file: CredentialFile): Promise<string> {
  if (file.type !== 'oauth') return Promise.reject(new Error(`${path} holds no OAuth login.`));
  if (file.oauth.expiresAt > Date.now()) return Promise.resolve(file.oauth.accessToken);
  return Promise.reject(
    new Error(
      `The OAuth login in ${path} has expired. Log in again, or replace the file with one that has valid tokens.`,
    ),
  );
}
