import { expect, test } from 'vitest';
import { createOauthMetrics } from '../credentials/oauth-metrics.ts';
import { createApi, type ApiDependencies } from './app.ts';
import type { Gate } from './auth.ts';

const nothing = (): void => undefined;
const TOKEN = 'a-made-up-token-of-this-sidecar';

const gate: Partial<Gate> = {
  acceptsKey: (key) => key === TOKEN,
  acceptsSession: () => false,
  cookieName: 'none',
};

/** The answer to a request for the counters, with this key. */
async function ask(deps: Pick<ApiDependencies, 'oauthMetrics'>, key: string | null): Promise<Response> {
  const used: Partial<ApiDependencies> = {
    gate: gate as Gate,
    log: { debug: nothing, info: nothing, warn: nothing, error: nothing },
    webviewDir: 'none',
    ...deps,
  };
  const api = createApi(used as ApiDependencies);
  return await api.request(
    '/oauth-metrics',
    key === null ? {} : { headers: { authorization: `Bearer ${key}` } },
  );
}

test('counters, per domain too, for who has the token', async () => {
  const metrics = createOauthMetrics();
  for (let n = 0; n < 3; n++) metrics.attempt();
  metrics.shared();
  metrics.refusal('b.example', 1000);
  metrics.failure('a.example', 2000);
  metrics.success('a.example', 3000, 8_000_000);
  const answer = await ask({ oauthMetrics: metrics.snapshot }, TOKEN);
  expect(await answer.json()).toEqual({
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

test('nobody else', async () => {
  expect((await ask({ oauthMetrics: createOauthMetrics().snapshot }, null)).status).toBe(401);
  expect((await ask({ oauthMetrics: createOauthMetrics().snapshot }, 'another')).status).toBe(401);
  expect((await ask({}, TOKEN)).status).toBe(404);
});
