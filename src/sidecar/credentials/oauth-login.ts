import { existsSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { makeDirectory } from '../data-dir.ts';
import { noLogin } from '../errors.ts';
import { writePrivateJson } from '../private-file.ts';
import { readCredentialFile, writeOauthTokens, type CredentialFile } from './credential-file.ts';
import type { LoginAttempt } from './oauth-client.ts';
import type { GrantedTokens, TokenEndpoint } from './oauth-endpoint.ts';
import { changeLocked } from './file-lock.ts';
import { clearRefusal } from './oauth-refusal.ts';

/**
 * The end of a log-in: the code for tokens, and those into the domain's credential file. When they end, in ms since the
 * epoch. The tokens are kept in a file, wherever the log-in began (VS Code too): the sidecar refreshes them by itself.
 *
 * @throws NexusError `login_unreachable` or `login_refused`, after which nothing has changed; else like `saveLogin`.
 */
export async function finishLogin(
  path: string,
  endpoint: TokenEndpoint,
  attempt: LoginAttempt,
  code: string,
): Promise<number> {
  const answer = await endpoint.exchange(attempt, code);
  if (answer.kind === 'failed') {
    throw noLogin('login_unreachable', `${answer.why}. Nothing was changed; try again.`);
  }
  if (answer.kind === 'refused') {
    throw noLogin(
      'login_refused',
      `the token endpoint refused the code (${answer.answer}). A code is good once and for a few minutes: start again.`,
    );
  }
  const { refreshToken, expiresAt } = answer.tokens;
  if (refreshToken === null) {
    throw noLogin(
      'login_refused',
      'the token endpoint gave no refresh token, without which the log-in would end in hours.',
    );
  }
  await saveLogin(path, answer.tokens, refreshToken);
  return expiresAt;
}

/**
 * Puts the tokens of a log-in into the domain's credential file (0600). All else of an existing file stays; a new one
 * has `type` and `oauth` only. Waits for a refresh that is under way, so that it cannot overwrite this.
 *
 * @throws NexusError `invalid_credential_file` for an existing file that cannot be read; it is left as it is.
 */
async function saveLogin(path: string, granted: GrantedTokens, refreshToken: string): Promise<void> {
  const { accessToken, expiresAt, scopes } = granted;
  makeDirectory(dirname(path), 0o700);
  await changeLocked(path, () => {
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
  });
}

/** The credential file if there is one. Throws like `saveLogin`. */
export function existingCredential(path: string): CredentialFile | null {
  return existsSync(path) ? readCredentialFile(path) : null;
}

/**
 * Deletes the domain's credential file and what was noted beside it; false: there is none. Waits for a refresh that is
 * under way, which would else write its tokens into nothing.
 */
export async function removeCredentialFile(path: string): Promise<boolean> {
  if (!existsSync(path)) return false;
  return await changeLocked(path, () => {
    const there = existsSync(path);
    rmSync(path, { force: true });
    clearRefusal(path);
    return there;
  });
}
