import type { ApiKeys } from './api-keys.ts';
import type { CredentialsApi } from './credentials-api.ts';

interface HandedOver {
  /** The domains whose keys were entered for another upstream. */
  readonly elsewhere: readonly string[];
  /** Why keys were not taken. */
  readonly failed: readonly unknown[];
}

/**
 * Gives the sidecar every key that was entered for the upstream it sends to, and no other. The sidecar compares once
 * more, should it be another one by then. Rejects when there is no sidecar.
 */
export async function handOver(
  keys: Pick<ApiKeys, 'all'>,
  api: Pick<CredentialsApi, 'list' | 'hold'>,
): Promise<HandedOver> {
  const kept = await keys.all();
  if (kept.size === 0) return { elsewhere: [], failed: [] };
  const { upstream } = await api.list();
  const elsewhere = [...kept].filter(([, key]) => key.upstream !== upstream).map(([domain]) => domain);
  const handed = [...kept].filter(([, key]) => key.upstream === upstream);
  // One that is refused keeps no other one back.
  const results = await Promise.allSettled(
    handed.map(([domain, { apiKey }]) => api.hold(domain, { type: 'api_key', apiKey, upstream })),
  );
  const failed = results.flatMap((result) =>
    result.status === 'rejected' ? [result.reason as unknown] : [],
  );
  return { elsewhere, failed };
}
