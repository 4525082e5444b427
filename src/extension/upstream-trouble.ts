import type { RequestRow } from '../protocol/rows.ts';
import type { Trouble } from './problems.ts';

/**
 * What a failed exchange says about the way to the upstream; null where the upstream itself answered. The sidecar's
 * own failures are 502 and 504 and name it ("Claude Nexus could not reach …", after Anthropic's error type).
 */
export function upstreamTrouble(row: Pick<RequestRow, 'responseStatus' | 'error'>): Trouble | null {
  if (row.error === null || !row.error.includes('Claude Nexus')) return null;
  const detail = row.error.replace(/^\w+: /, '');
  if (row.responseStatus === 502) return { code: 'upstream_unreachable', detail };
  return row.responseStatus === 504 ? { code: 'upstream_timeout', detail } : null;
}
