import { hash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { z } from 'zod';
import { readPrivateJson, writePrivateJson } from '../private-file.ts';
import type { OauthTokens } from './credential-file.ts';

const note = z.object({
  /** When the endpoint refused, in ms since the epoch. */
  at: z.number().int(),
  /** Status and error code. */
  answer: z.string().max(100),
  loginHelps: z.boolean(),
  /** Of the refresh token that was refused: other content of the file has not been refused. */
  fingerprint: z.string(),
});
export type Refusal = Omit<z.infer<typeof note>, 'fingerprint'>;

/**
 * The last refusal of exactly these tokens, or null. It lies beside the credential file (`<file>.refused`), so that
 * other processes do not ask in vain and `auth status` can tell; a new log-in makes it void.
 */
export function readRefusal(path: string, tokens: OauthTokens): Refusal | null {
  const found = readPrivateJson(notePath(path), note);
  if (found?.fingerprint !== fingerprint(tokens)) return null;
  return { at: found.at, answer: found.answer, loginHelps: found.loginHelps };
}

export function writeRefusal(path: string, tokens: OauthTokens, refusal: Refusal): void {
  writePrivateJson(notePath(path), { ...refusal, fingerprint: fingerprint(tokens) });
}

export function clearRefusal(path: string): void {
  rmSync(notePath(path), { force: true });
}

/** Whether a file of the directory is such a note, by its name. */
export function isRefusalNote(name: string): boolean {
  return name.endsWith(NOTE_SUFFIX);
}

const NOTE_SUFFIX = '.credentials.json.refused';

function notePath(path: string): string {
  return `${path}.refused`;
}

/** A refresh token is long and random: its hash tells nothing about it. */
function fingerprint(tokens: OauthTokens): string {
  return hash('sha256', tokens.refreshToken, 'hex').slice(0, 32);
}
