import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readCredentialFile, type CredentialFile } from '../../src/sidecar/credentials/credential-file.ts';

/** The members of a made-up `oauth` credential file, beside its tokens. */
export const OTHER_MEMBERS = {
  accountId: 'acc_made_up',
  client_api_key: 'cnp_live_made-up-made-up',
  slack: { channel: '#made-up', enabled: false },
  note: 'mine',
};

/** Writes `<domain>.credentials.json` (0600); its path. `expiresAt` in ms since the epoch. */
export function writeOauthFile(
  dir: string,
  refreshToken: string,
  expiresAt: number,
  domain = 'example.com',
): string {
  const path = join(dir, `${domain}.credentials.json`);
  const oauth = {
    accessToken: 'sk-ant-oat01-old',
    refreshToken,
    expiresAt,
    scopes: ['user:inference'],
    isMax: true,
  };
  writeFileSync(path, JSON.stringify({ type: 'oauth', oauth, ...OTHER_MEMBERS }), { mode: 0o600 });
  return path;
}

/** The tokens in the file. */
export function tokensIn(path: string): Extract<CredentialFile, { type: 'oauth' }>['oauth'] {
  const file = readCredentialFile(path);
  if (file.type !== 'oauth') throw new Error(`${path} is ${file.type}`);
  return file.oauth;
}

export function jsonIn(path: string): Record<string, unknown> {
  return JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
}
