import type { ApiKeys } from './api-keys.ts';
import type { CredentialsApi } from './credentials-api.ts';

/**
 * Gives the sidecar every key that was entered for the upstream it sends to. `elsewhere`: the domains of those that were
 * not. The sidecar compares once more, should it be another one by then.
 */
export async function handOver(
  keys: Pick<ApiKeys, 'all'>,
  api: Pick<CredentialsApi, 'list' | 'hold'>,
): Promise<{ elsewhere: string[] }> {
  const kept = await keys.all();
  if (kept.size === 0) return { elsewhere: [] };
  const { upstream } = await api.list();
  const elsewhere: string[] = [];
  for (const [domain, key] of kept) {
    if (key.upstream === upstream) await api.hold(domain, { type: 'api_key', apiKey: key.apiKey, upstream });
    else elsewhere.push(domain);
  }
  return { elsewhere };
}
