import { credentialLine, describeCredentials } from '../credentials/oauth-status.ts';
import type { AuthCall } from './auth-command.ts';

/** `auth status`: 0 when no credential needs anybody. */
export function status({ io, credentialsDir, json }: AuthCall): number {
  const all = describeCredentials(credentialsDir, Date.now());
  if (json) io.out(`${JSON.stringify({ credentials: all }, null, 2)}\n`);
  else if (all.length === 0) io.out(`There are no credential files in ${credentialsDir}.\n`);
  else for (const each of all) io.out(`${credentialLine(each)}\n`);
  return all.some(({ state }) => state === 'refused' || state === 'invalid') ? 1 : 0;
}
