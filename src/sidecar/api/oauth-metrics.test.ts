import { expect, test } from 'vitest';
import { oauthSnapshot, type OauthSnapshot } from '../../protocol/oauth.ts';
import { createApi, type ApiDependencies } from './app.ts';
import { countFailedAttempts } from '../failed-attempts.ts';
import type { Gate } from './auth.ts';

const nothing = (): void => undefined;
const TOKEN = 'a-made-up-token-of-this-sidecar';
const gate: Partial<Gate> = {
  acceptsKey: (key) => key === TOKEN,
  attempts: countFailedAttempts(() => 0),
  acceptsSession: () => false,
  cookieName: 'none',
};
const counted: OauthSnapshot = {
  attempts: 3,
  successes: 1,
  refusals: 1,
  failures: 1,
  waitsShared: 9,
  domains: [],
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

test('counters for who has the token, and for nobody else', async () => {
  const deps = { oauthMetrics: () => counted };
  const answer = await ask(deps, TOKEN);
  expect(oauthSnapshot.parse(await answer.json())).toEqual(counted);
  expect((await ask(deps, null)).status).toBe(401);
  expect((await ask(deps, 'another')).status).toBe(401);
  expect((await ask({}, TOKEN)).status).toBe(404);
});
