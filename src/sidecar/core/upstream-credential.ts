/** A stored credential on its way upstream, and what its exchange is counted under. */
export interface UpstreamCredential {
  /** The credential file's, which beats all other evidence. */
  accountId: string | null;
  /** What stays the same while tokens rotate: its keyed fingerprint stands for the account where no id is given. */
  identity: { kind: 'api-key' | 'bearer'; text: string };
  auth: { type: 'api_key'; key: string } | OauthTokens;
}

/** The tokens of a log-in. */
export interface OauthTokens {
  type: 'oauth';
  /** One that is good for now; it may have to be fetched. Rejects with a sentence for the client. */
  token: () => Promise<string>;
  /** Another one, when the upstream refuses `refused` before its time; null when none is to be had. Never rejects. */
  renewed: (refused: string) => Promise<string | null>;
}

export type UpstreamAuth = { type: 'api_key'; key: string } | { type: 'oauth'; token: string };

/** The client's own credential, wherever it may be; the last is the sidecar's alone. */
const replaced = new Set(['authorization', 'x-api-key', 'x-dashboard-key']);
const OAUTH_BETA = 'oauth-2025-04-20';

/**
 * A raw header list (name, value …) with the stored credential instead of the client's. OAuth's beta flag is added to
 * the client's own list; whatever else the list says stays. Pure.
 */
export function withUpstreamAuth(raw: readonly string[], auth: UpstreamAuth): string[] {
  const out: string[] = [];
  let beta: number | null = null;
  let hasBeta = false;
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index]!.toLowerCase();
    if (replaced.has(name)) continue;
    if (name === 'anthropic-beta') {
      beta = out.length + 1;
      hasBeta ||= raw[index + 1]!.split(',').some((flag) => flag.trim() === OAUTH_BETA);
    }
    out.push(raw[index]!, raw[index + 1]!);
  }
  if (auth.type === 'api_key') return [...out, 'x-api-key', auth.key];
  if (beta === null) out.push('anthropic-beta', OAUTH_BETA);
  else if (!hasBeta) out[beta] = out[beta]!.trim() === '' ? OAUTH_BETA : `${out[beta]!},${OAUTH_BETA}`;
  return [...out, 'Authorization', `Bearer ${auth.token}`];
}
