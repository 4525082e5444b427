import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { invalidCredentialFile, reason } from '../errors.ts';
import { writePrivateJson } from '../private-file.ts';

/** How tokens of a Claude account are kept; `expiresAt` in ms since the epoch. */
const oauthTokens = z.looseObject({
  accessToken: z.string().min(1),
  refreshToken: z.string().min(1),
  expiresAt: z.number().int().nonnegative(),
  scopes: z.array(z.string()).default([]),
  isMax: z.boolean().default(false),
});
export type OauthTokens = z.infer<typeof oauthTokens>;

const slack = z.looseObject({
  webhook_url: z.url().optional(),
  channel: z.string().optional(),
  username: z.string().optional(),
  icon_emoji: z.string().optional(),
  enabled: z.boolean().optional(),
});

const common = {
  /** What every exchange with this credential is counted under. */
  accountId: z.string().min(1).max(200).optional(),
  /** What a client has to show to use it. */
  client_api_key: z.string().min(16, 'at least 16 characters; make one with `generate-api-key`').optional(),
  slack: slack.optional(),
};

/**
 * `<domain>.credentials.json` (SPEC 2.3). Members that nobody here knows are kept when the file is written back.
 */
const credentialFile = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('api_key'), api_key: z.string().min(1), ...common }),
  z.looseObject({ type: z.literal('oauth'), oauth: oauthTokens, ...common }),
]);
export type CredentialFile = z.infer<typeof credentialFile>;

const LARGEST = 256 * 1024;

/**
 * Reads a credential file. No message holds a value of it.
 *
 * @throws NexusError `invalid_credential_file` that names the file, the member and what to do.
 */
export function readCredentialFile(path: string): CredentialFile {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw invalidCredentialFile(path, [{ path: '', message: `cannot be read (${reason(error)})` }]);
  }
  if (text.length > LARGEST) {
    throw invalidCredentialFile(path, [{ path: '', message: 'is larger than 256 KB' }]);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // Node's own message quotes what it could not read, which may be half a key.
    throw invalidCredentialFile(path, [{ path: '', message: 'is not JSON' }]);
  }
  const parsed = credentialFile.safeParse(json);
  if (parsed.success) return parsed.data;
  throw invalidCredentialFile(
    path,
    parsed.error.issues.map((issue) => ({ path: issue.path.join('.'), message: issue.message })),
  );
}

/** Puts new tokens into the file and leaves all else of it as it is now: whole or not at all, 0600. Returns what is there. */
export function writeOauthTokens(path: string, tokens: OauthTokens): CredentialFile {
  const current = readCredentialFile(path);
  const next = {
    ...current,
    type: 'oauth' as const,
    oauth: { ...(current.type === 'oauth' ? current.oauth : {}), ...tokens },
  };
  writePrivateJson(path, next);
  return readCredentialFile(path);
}
