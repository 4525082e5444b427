import { expect, test } from 'vitest';
import { oauthSnapshot } from '../../protocol/oauth.ts';
import { createOauthMetrics } from './oauth-metrics.ts';

test('counters, and each domain’s last times', () => {
  const metrics = createOauthMetrics();
  for (let n = 0; n < 3; n++) metrics.attempt();
  metrics.shared();
  metrics.refusal('b.example', 1000);
  metrics.failure('a.example', 2000);
  metrics.success('a.example', 3000, 8_000_000);
  expect(oauthSnapshot.parse(metrics.snapshot())).toEqual({
    attempts: 3,
    successes: 1,
    refusals: 1,
    failures: 1,
    waitsShared: 1,
    domains: [
      {
        domain: 'a.example',
        lastRefreshAt: '1970-01-01T00:00:03.000Z',
        expiresAt: '1970-01-01T02:13:20.000Z',
        lastRefusalAt: null,
        lastFailureAt: '1970-01-01T00:00:02.000Z',
      },
      {
        domain: 'b.example',
        lastRefreshAt: null,
        expiresAt: null,
        lastRefusalAt: '1970-01-01T00:00:01.000Z',
        lastFailureAt: null,
      },
    ],
  });
});
