import { request } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { OTHER_MEMBERS, tokensIn, writeOauthFile } from '../support/credentials.ts';
import { createFakeAnthropic, text, type FakeAnthropic } from '../support/fake-anthropic.mjs';
import {
  CLIENT_ID,
  createFakeTokenEndpoint,
  type FakeTokenEndpoint,
} from '../support/fake-token-endpoint.ts';
import { startSidecar, type TestSidecar } from '../support/sidecar.ts';
import { until } from '../support/until.ts';

let dir: string;
let upstream: FakeAnthropic;
let endpoint: FakeTokenEndpoint;
let sidecars: TestSidecar[];
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'nexus-oauth-'));
  upstream = await createFakeAnthropic({ script: [{ reply: { content: [text('hello')] } }] });
  endpoint = await createFakeTokenEndpoint();
  const env = {
    CREDENTIALS_DIR: dir,
    CLAUDE_OAUTH_CLIENT_ID: CLIENT_ID,
    CLAUDE_OAUTH_TOKEN_URL: endpoint.url,
  };
  sidecars = await Promise.all([0, 1].map(() => startSidecar({ upstream: upstream.url, env })));
});
afterAll(async () => {
  await Promise.all(sidecars.map((sidecar) => sidecar.remove()));
  await Promise.all([upstream.close(), endpoint.close()]);
  rmSync(dir, { recursive: true });
});

/** A message to that domain, with the client key of its file; the status and the body of the answer. */
function ask(sidecar: TestSidecar, domain: string): Promise<[number, string]> {
  const { port } = new URL(sidecar.url);
  const headers = {
    host: `${domain}:${port}`,
    authorization: `Bearer ${OTHER_MEMBERS.client_api_key}`,
    'content-type': 'application/json',
  };
  const body = JSON.stringify({ model: 'm', max_tokens: 9, messages: [{ role: 'user', content: 'hi' }] });
  return new Promise((resolve, reject) => {
    const sent = request(
      { host: '127.0.0.1', port, path: '/v1/messages', method: 'POST', headers },
      (response) => {
        let said = '';
        response.setEncoding('utf8').on('data', (part: string) => (said += part));
        response.on('end', () => {
          resolve([response.statusCode ?? 0, said]);
        });
      },
    );
    sent.on('error', reject).end(body);
  });
}

/** Every sidecar has seen the domain's file, whenever its watcher did. */
async function seen(domain: string): Promise<void> {
  for (const sidecar of sidecars) {
    await until(`${domain} in the status`, 30_000, async () =>
      (await (await sidecar.api('/api/status')).text()).includes(domain) ? true : undefined,
    );
  }
}

test('five requests to each of two sidecars on one ended token: one refresh, and all are answered', async () => {
  const path = writeOauthFile(dir, endpoint.issue(), Date.now() - 1000, 'team.example');
  await seen('team.example');
  const answers = await Promise.all(
    sidecars.flatMap((sidecar) => Array.from({ length: 5 }, () => ask(sidecar, 'team.example'))),
  );
  expect(answers.map(([status]) => status)).toEqual(Array(10).fill(200));
  expect(endpoint.requests).toHaveLength(1);
  const { accessToken } = tokensIn(path);
  expect(upstream.exchanges).toHaveLength(10);
  for (const { request: sent } of upstream.exchanges) {
    expect(sent.rawHeaders).toContain(`Bearer ${accessToken}`);
    expect(sent.rawHeaders.join(' ')).not.toContain(OTHER_MEMBERS.client_api_key);
  }
  const attempts = await Promise.all(
    sidecars.map(
      async (sidecar) =>
        ((await (await sidecar.api('/oauth-metrics')).json()) as { attempts: number }).attempts,
    ),
  );
  expect(attempts.sort()).toEqual([0, 1]);
});

test('a login that is refused: the client is told what to do', async () => {
  writeOauthFile(dir, 'sk-ant-ort01-unknown', Date.now() - 1000, 'late.example');
  await seen('late.example');
  const [status, body] = await ask(sidecars[0]!, 'late.example');
  expect(status).toBe(401);
  expect(body).toContain('claude-nexus auth login late.example');
  expect(body).not.toContain('sk-ant');
});

test('an endpoint that is away: the client may try again', async () => {
  writeOauthFile(dir, endpoint.issue(), Date.now() - 1000, 'away.example');
  await seen('away.example');
  endpoint.misbehave({ status: 500 });
  const [status, body] = await ask(sidecars[0]!, 'away.example');
  expect(status).toBe(503);
  expect(body).toContain('cannot be refreshed now: the token endpoint answered 500');
});
