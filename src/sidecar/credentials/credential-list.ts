import { basename } from 'node:path';
import type { ClientKeyRow, CredentialList, CredentialRow } from '../../protocol/credentials.ts';
import { describeCredential } from './oauth-status.ts';
import type { Contents, DomainEntry } from './read-directory.ts';

/**
 * What is stored and who may use it, by domain, without any secret: files, then keys that VS Code has handed over
 * (`held`) where there is no file. `now` in ms since the epoch.
 */
export function listCredentials(
  dir: string,
  contents: Contents,
  held: ReadonlyMap<string, DomainEntry>,
  now: number,
): Omit<CredentialList, 'upstream'> {
  const files = [...contents.domains.values()];
  const inMemory = [...held.values()].filter(({ domain }) => !contents.domains.has(domain));
  const credentials = [
    ...files.map((entry) => fileRow(entry, held.has(entry.domain), now)),
    ...inMemory.map(heldRow),
  ];
  return {
    dir,
    credentials: credentials.sort(byDomain),
    clientKeys: [...files.flatMap(fileKey), ...contents.keys.map(keyRow)].sort(byDomain),
    problems: [...contents.problems],
    warnings: [...contents.warnings],
  };
}

const NOTHING = {
  type: null,
  accountId: null,
  expiresAt: null,
  lastRefusal: null,
  problem: null,
  notice: null,
} as const;

function fileRow(
  { domain, path, file, problem }: DomainEntry,
  isAlsoHeld: boolean,
  now: number,
): CredentialRow {
  const name = basename(path);
  const row = { ...NOTHING, domain, source: 'file', file: name } as const;
  const notice = isAlsoHeld
    ? `The file is used, not the API key that VS Code has for ${domain}. Delete one of them.`
    : null;
  if (file === null) return { ...row, state: 'invalid', problem, notice };
  const {
    type,
    accountId,
    state,
    expiresAt,
    lastRefusal,
    problem: wayOut,
  } = describeCredential(path, file, now);
  return { ...row, type, accountId, state, expiresAt, lastRefusal, problem: wayOut, notice };
}

function heldRow({ domain, file }: DomainEntry): CredentialRow {
  const accountId = file?.accountId ?? null;
  return { ...NOTHING, domain, source: 'vscode', file: null, type: 'api_key', accountId, state: 'usable' };
}

function fileKey({ domain, file }: DomainEntry): ClientKeyRow[] {
  if (file?.client_api_key === undefined) return [];
  return [{ id: null, name: 'client_api_key', domain, createdAt: null }];
}

function keyRow({ id, name, domain, createdAt }: Contents['keys'][number]): ClientKeyRow {
  return { id, name, domain, createdAt };
}

const byDomain = (a: { domain: string }, b: { domain: string }): number =>
  a.domain < b.domain ? -1 : a.domain > b.domain ? 1 : 0;
