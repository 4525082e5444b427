import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { CredentialState } from '../../protocol/credentials.ts';
import { NexusError } from '../errors.ts';
import { readCredentialFile, type CredentialFile } from './credential-file.ts';
import { domainOf, isCredentialFile } from './credential-path.ts';
import { readRefusal, type Refusal } from './oauth-refusal.ts';

/** One credential file, without any secret. Times ISO 8601. */
export interface CredentialStatus {
  domain: string;
  file: string;
  type: CredentialFile['type'] | null;
  accountId: string | null;
  state: CredentialState;
  /** Of an `oauth` file: when its access token ends, and how long that is from now in ms (negative: it has ended). */
  expiresAt: string | null;
  expiresInMs: number | null;
  lastRefusal: { at: string; answer: string } | null;
  /** What is wrong and what to do; null when nothing is. */
  problem: string | null;
}

/** The last moment a Date can hold. */
const LAST_TIME = 8.64e15;

/**
 * All credential files of the directory by name; none if it does not exist.
 *
 * @throws NodeJS.ErrnoException when the directory is there and cannot be read.
 */
export function describeCredentials(dir: string, now: number): CredentialStatus[] {
  return credentialFiles(dir).map((file) => describe(file, now));
}

/** Paths, sorted. Throws like `describeCredentials`. */
export function credentialFiles(dir: string): string[] {
  try {
    return readdirSync(dir)
      .filter(isCredentialFile)
      .sort()
      .map((name) => join(dir, name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function describe(file: string, now: number): CredentialStatus {
  const domain = domainOf(file);
  const nothing = { accountId: null, expiresAt: null, expiresInMs: null, lastRefusal: null, problem: null };
  let content: CredentialFile;
  try {
    content = readCredentialFile(file);
  } catch (error) {
    if (!(error instanceof NexusError)) throw error;
    return { ...nothing, domain, file, type: null, state: 'invalid', problem: error.message };
  }
  return describeCredential(file, content, now);
}

/** What is to be said of a credential file that was read. */
export function describeCredential(file: string, content: CredentialFile, now: number): CredentialStatus {
  const domain = domainOf(file);
  const nothing = { accountId: null, expiresAt: null, expiresInMs: null, lastRefusal: null, problem: null };
  const { type } = content;
  const known = { ...nothing, domain, file, type, accountId: content.accountId ?? null };
  if (content.type === 'api_key') return { ...known, state: 'usable' };
  const { expiresAt } = content.oauth;
  const refusal = readRefusal(file, content.oauth);
  return {
    ...known,
    expiresAt: new Date(Math.min(expiresAt, LAST_TIME)).toISOString(),
    expiresInMs: expiresAt - now,
    state: refusal !== null ? 'refused' : expiresAt > now ? 'usable' : 'due',
    lastRefusal: refusal && { at: new Date(refusal.at).toISOString(), answer: refusal.answer },
    problem: refusal && wayOut(domain, refusal),
  };
}

function wayOut(domain: string, { loginHelps }: Refusal): string {
  const first = loginHelps ? '' : 'check CLAUDE_OAUTH_CLIENT_ID and CLAUDE_OAUTH_TOKEN_URL, then ';
  return `${first}log in again: claude-nexus auth login ${domain}`;
}

/** One line for people: the log at start, `auth status`. */
export function credentialLine(status: CredentialStatus): string {
  const { domain, type, accountId, state, expiresInMs, lastRefusal, problem } = status;
  const refused = lastRefusal && `refused at ${lastRefusal.at} (${lastRefusal.answer})`;
  const parts = [
    type ?? 'invalid',
    accountId === null ? null : `account ${accountId}`,
    expiresInMs === null ? null : expiry(expiresInMs),
    state === 'due' ? 'refreshed by the next request' : null,
    refused,
    problem,
  ];
  return `${domain}: ${parts.filter((part) => part !== null).join(', ')}`;
}

function expiry(ms: number): string {
  return ms > 0 ? `expires in ${duration(ms)}` : `expired ${duration(-ms)} ago`;
}

/** The two largest units, in whole numbers: "7 h 12 min". */
function duration(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) return `${String(Math.floor(ms / 1000))} s`;
  if (minutes < 60) return `${String(minutes)} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48
    ? `${String(hours)} h ${String(minutes % 60)} min`
    : `${String(Math.floor(hours / 24))} d ${String(hours % 24)} h`;
}
