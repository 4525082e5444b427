import { afterAll, beforeAll, expect, test } from 'vitest';
import { ask, askToTheEnd } from '../support/ask.ts';
import { createFakeAnthropic, fault, text, type FakeAnthropic } from '../support/fake-anthropic.mjs';
import { startSidecar, type TestSidecar } from '../support/sidecar.ts';
import { until } from '../support/until.ts';

let upstream: FakeAnthropic;
let sidecar: TestSidecar;
beforeAll(async () => {
  upstream = await createFakeAnthropic({
    script: [
      { when: { lastUserText: /^overload$/ }, reply: fault.overloaded() },
      {
        reply: {
          content: [text('hello')],
          usage: { input_tokens: 7, output_tokens: 11, cache_read_input_tokens: 5 },
        },
      },
    ],
  });
  sidecar = await startSidecar({ upstream: upstream.url });
});
afterAll(async () => {
  await sidecar.remove();
  await upstream.close();
});

/** The samples of the page, by name with labels. */
async function metrics(): Promise<Map<string, number>> {
  const answer = await sidecar.api('/metrics');
  expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  const page = await answer.text();
  const lines = page.trimEnd().split('\n');
  // Every line is one that Prometheus reads, and every metric has said before what it is.
  const known = new Set<string>();
  const samples = new Map<string, number>();
  for (const line of lines) {
    const [, kind, name] = /^# (HELP|TYPE) (\w+) \S/.exec(line) ?? [];
    if (kind !== undefined && name !== undefined) {
      known.add(name);
      continue;
    }
    const [, sample = '', value = ''] = /^(\w+(?:\{(?:\w+="[^"\\]*",?)*\})?) (\S+)$/.exec(line) ?? [];
    expect([...known].some((metric) => sample.startsWith(metric))).toBe(true);
    expect(samples.has(sample)).toBe(false);
    samples.set(sample, Number(value));
  }
  for (const value of samples.values()) expect(value).toBeGreaterThanOrEqual(0);
  return samples;
}

test('need a key', async () => {
  const answer = await fetch(`${sidecar.url}/metrics`);
  expect(answer.status).toBe(401);
  expect(await answer.text()).not.toContain('claude_nexus_');
});

test('count what passed, what failed, what was recorded', async () => {
  await askToTheEnd(sidecar.baseUrl, 'one');
  await askToTheEnd(sidecar.baseUrl, 'two');
  await (await ask(sidecar.baseUrl, 'overload')).arrayBuffer();
  await (await fetch(`${sidecar.baseUrl}/v1/models`)).arrayBuffer();
  let seen = new Map<string, number>();
  await until(
    'four recorded exchanges',
    30_000,
    async () => {
      seen = await metrics();
      const recorded = [...seen].filter(([name]) => name.startsWith('claude_nexus_recorded_total'));
      return recorded.reduce((sum, [, count]) => sum + count, 0) >= 4 ? true : undefined;
    },
    () => JSON.stringify([...seen]),
  );
  const expected = {
    'claude_nexus_requests_total{path="messages",status="2xx"}': 2,
    'claude_nexus_requests_total{path="messages",status="5xx"}': 1,
    'claude_nexus_first_byte_seconds_count{path="messages"}': 3,
    'claude_nexus_duration_seconds_bucket{path="messages",le="+Inf"}': 3,
    'claude_nexus_recorded_total{type="inference",state="completed"}': 2,
    'claude_nexus_recorded_total{type="inference",state="failed"}': 1,
    'claude_nexus_tokens_total{kind="input"}': 14,
    'claude_nexus_tokens_total{kind="output"}': 22,
    'claude_nexus_tokens_total{kind="cache_read"}': 10,
    claude_nexus_active_requests: 0,
    claude_nexus_recorder_pending: 0,
    claude_nexus_recorder_dropped_total: 0,
    claude_nexus_recorder_late_total: 0,
    claude_nexus_upstream_retries_total: 0,
    claude_nexus_database_up: 1,
  };
  expect(Object.fromEntries(seen)).toMatchObject(expected);
  expect(seen.get('claude_nexus_memory_bytes{kind="resident"}')).toBeGreaterThan(1e6);
  expect(seen.has('claude_nexus_journal_bytes')).toBe(true);
});

test('count what CLAUDE_API_RETRIES asks for again', async () => {
  const headers = { 'retry-after': '0' };
  upstream.setScript([
    {
      times: 1,
      reply: { status: 529, headers, json: { type: 'error', error: { type: 'overloaded_error' } } },
    },
    { reply: { content: [text('at last')] } },
  ]);
  const retrying = await startSidecar({ upstream: upstream.url, env: { CLAUDE_API_RETRIES: '1' } });
  try {
    await askToTheEnd(retrying.baseUrl, 'once more');
    const page = await (await retrying.api('/metrics')).text();
    expect(page).toContain('\nclaude_nexus_upstream_retries_total 1\n');
    expect(page).toContain('claude_nexus_requests_total{path="messages",status="2xx"} 1\n');
  } finally {
    await retrying.remove();
  }
});

test('have no label that a client could choose', async () => {
  const before = (await metrics()).size;
  for (let n = 0; n < 20; n++) {
    await (
      await fetch(`${sidecar.baseUrl}/v1/made-up-${String(n)}`, {
        headers: { 'user-agent': `x${String(n)}` },
      })
    ).arrayBuffer();
  }
  expect((await metrics()).size - before).toBeLessThan(10);
});
