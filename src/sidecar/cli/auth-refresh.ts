import { existsSync } from 'node:fs';
import { readCredentialFile } from '../credentials/credential-file.ts';
import { credentialPath, domainOf } from '../credentials/credential-path.ts';
import { createTokenKeeper } from '../credentials/oauth-keeper.ts';
import { credentialFiles } from '../credentials/oauth-status.ts';
import { NexusError, noLogin } from '../errors.ts';
import type { AuthCall } from './auth-command.ts';
import { logOf } from './command.ts';

interface Refreshed {
  domain: string;
  refreshed: boolean;
  expiresAt: string | null;
  problem: string | null;
}

/** `auth refresh [domain]`: of all `oauth` files where no domain is given. 0 when all have new tokens. */
export async function refresh(
  { io, credentialsDir, oauth, json }: AuthCall,
  domain: string | null,
): Promise<number> {
  const only = domain === null ? null : credentialPath(credentialsDir, domain);
  if (only !== null && !existsSync(only)) {
    throw noLogin('not_found', `there is no ${only}. Log in first: claude-nexus auth login ${domain!}`);
  }
  // A failed refresh is said once, below.
  const keeper = createTokenKeeper({ ...oauth, log: logOf(io) });
  const results: Refreshed[] = [];
  for (const path of only === null ? credentialFiles(credentialsDir) : [only]) {
    const result = await refreshOne(path, only !== null, (each) => keeper.refreshNow(each));
    if (result === null) continue;
    results.push(result);
    if (json) continue;
    if (result.refreshed) io.out(`${result.domain}: refreshed, expires at ${result.expiresAt!}\n`);
    else io.err(`${result.domain}: ${result.problem!}\n`);
  }
  if (json) io.out(`${JSON.stringify({ credentials: results }, null, 2)}\n`);
  else if (results.length === 0) io.out(`There are no oauth credential files in ${credentialsDir}.\n`);
  return results.every(({ refreshed }) => refreshed) ? 0 : 1;
}

/** null: there is nothing to refresh in it, and nobody asked for it by name. */
async function refreshOne(
  path: string,
  byName: boolean,
  refreshNow: (path: string) => Promise<string>,
): Promise<Refreshed | null> {
  const domain = domainOf(path);
  try {
    if (!byName && readCredentialFile(path).type !== 'oauth') return null;
    await refreshNow(path);
    const file = readCredentialFile(path);
    const expiresAt = file.type === 'oauth' ? new Date(file.oauth.expiresAt).toISOString() : null;
    return { domain, refreshed: true, expiresAt, problem: null };
  } catch (error) {
    if (!(error instanceof NexusError)) throw error;
    return { domain, refreshed: false, expiresAt: null, problem: error.message };
  }
}
