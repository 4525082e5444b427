import type { DomainRefresh, OauthSnapshot } from '../../protocol/oauth.ts';

/** What the keeper counts, for `/oauth-metrics`. */
export interface OauthMetrics {
  attempt(): void;
  shared(): void;
  /** Times in ms since the epoch. */
  success(domain: string, at: number, expiresAt: number): void;
  refusal(domain: string, at: number): void;
  failure(domain: string, at: number): void;
  snapshot: () => OauthSnapshot;
}

export function createOauthMetrics(): OauthMetrics {
  const count = { attempts: 0, successes: 0, refusals: 0, failures: 0, waitsShared: 0 };
  const domains = new Map<string, Omit<DomainRefresh, 'domain'>>();
  const note = (domain: string, change: Partial<Omit<DomainRefresh, 'domain'>>): void => {
    const known = domains.get(domain) ?? {
      lastRefreshAt: null,
      expiresAt: null,
      lastRefusalAt: null,
      lastFailureAt: null,
    };
    domains.set(domain, { ...known, ...change });
  };
  return {
    attempt: () => {
      count.attempts++;
    },
    shared: () => {
      count.waitsShared++;
    },
    success: (domain, at, expiresAt) => {
      count.successes++;
      note(domain, { lastRefreshAt: iso(at), expiresAt: iso(expiresAt) });
    },
    refusal: (domain, at) => {
      count.refusals++;
      note(domain, { lastRefusalAt: iso(at) });
    },
    failure: (domain, at) => {
      count.failures++;
      note(domain, { lastFailureAt: iso(at) });
    },
    snapshot: () => ({
      ...count,
      domains: [...domains.entries()]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([domain, times]) => ({ domain, ...times })),
    }),
  };
}

function iso(time: number): string {
  return new Date(time).toISOString();
}
