import { afterAll, beforeAll, expect, it } from 'vitest';
import { createClient } from '../../src/client/client.ts';
import { unwrap } from '../../src/client/unwrap.ts';
import { problem } from '../../src/protocol/problem.ts';
import { searchPage } from '../../src/protocol/search.ts';
import { askToTheEnd } from '../support/ask.ts';
import { createFakeAnthropic, text, type FakeAnthropic } from '../support/fake-anthropic.mjs';
import { databaseOpen, startSidecar, type TestSidecar } from '../support/sidecar.ts';
import { until } from '../support/until.ts';

let upstream: FakeAnthropic;
let sidecar: TestSidecar;
beforeAll(async () => {
  upstream = await createFakeAnthropic({
    script: [{ reply: { content: [text('an answer with a platypus')] } }],
  });
  sidecar = await startSidecar({ upstream: upstream.url });
  await databaseOpen(sidecar);
});
afterAll(async () => {
  await sidecar.remove();
  await upstream.close();
});

const client = (): ReturnType<typeof createClient> =>
  createClient(sidecar.url, (input, init) => {
    const headers = new Headers(init?.headers);
    headers.set('authorization', `Bearer ${sidecar.token}`);
    return fetch(input, { ...init, headers });
  });

it('finds what passed through the proxy a moment ago', async () => {
  const id = await askToTheEnd(sidecar.baseUrl, 'where is the wombat?');
  const find = async (q: string) => {
    const page = searchPage.parse(await unwrap(client().api.search.$get({ query: { q } })));
    return page.hits.length === 0 ? undefined : page;
  };
  const page = await until('the hit', 60_000, () => find('wombat'));
  expect(page.hits[0]).toMatchObject({
    requestId: id,
    role: 'user',
    kind: 'text',
    snippet: 'where is the wombat?',
  });
  expect((await until('the answer', 60_000, () => find('platypus'))).hits[0]).toMatchObject({
    role: 'assistant',
  });
});

it('says what is wrong with a query', async () => {
  for (const [query, why] of [
    ['', '`q`'],
    ['q=', 'nothing in it'],
    ['q=%20', 'nothing in it'],
    ['q=%3D%3E', 'only signs'],
    [`q=${'x'.repeat(501)}`, '`q`'],
    ['q=a&limit=0', '`limit`'],
    ['q=a&cursor=none', 'cursor'],
    ['q=a&conversationId=none', '`conversationId`'],
  ] as const) {
    const answer = await sidecar.api(`/api/search?${query}`);
    expect([query, answer.status]).toEqual([query, 400]);
    expect(problem.parse(await answer.json()).detail).toContain(why);
  }
});

it('is nobody’s without a key', async () => {
  const answer = await fetch(`${sidecar.url}/api/search?q=wombat`);
  expect(answer.status).toBe(401);
  expect(await answer.text()).not.toContain('wombat');
});
