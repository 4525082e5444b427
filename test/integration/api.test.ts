import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createClient } from '../../src/client/client.ts';
import { subscribe } from '../../src/client/subscribe.ts';
import { unwrap } from '../../src/client/unwrap.ts';
import type { NexusEvent } from '../../src/protocol/events.ts';
import { problem } from '../../src/protocol/problem.ts';
import { conversationPage, requestPage, statsRow } from '../../src/protocol/rows.ts';
import { sidecarStatus } from '../../src/protocol/status.ts';
import { createFakeAnthropic, text, type FakeAnthropic } from '../support/fake-anthropic.mjs';
import { databaseOpen, startSidecar, type TestSidecar } from '../support/sidecar.ts';
import { until } from '../support/until.ts';

const LIMIT_MS = 60_000;
const DASHBOARD_KEY = 'made-up-dashboard-key';

let upstream: FakeAnthropic;
let sidecar: TestSidecar;
beforeAll(async () => {
  upstream = await createFakeAnthropic({ script: [{ reply: { content: [text('hello')] } }] });
  sidecar = await startSidecar({ upstream: upstream.url, env: { DASHBOARD_API_KEY: DASHBOARD_KEY } });
  await databaseOpen(sidecar);
});
afterAll(async () => {
  await sidecar.remove();
  await upstream.close();
});

async function exchange(prompt: string): Promise<string> {
  const answer = await fetch(`${sidecar.baseUrl}/p/shop/v1/messages`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': 'made-up' },
    body: JSON.stringify({ model: 'claude-x', max_tokens: 9, messages: [{ role: 'user', content: prompt }] }),
  });
  await answer.arrayBuffer();
  return answer.headers.get('x-nexus-request-id') ?? '';
}

const client = (): ReturnType<typeof createClient> =>
  createClient(sidecar.url, (input, init) => {
    const headers = new Headers(init?.headers);
    headers.set('authorization', `Bearer ${sidecar.token}`);
    return fetch(input, { ...init, headers });
  });

/** Waits until the exchange is recorded: its detail is there and no longer running. */
async function recorded(requestId: string): Promise<void> {
  await until(`request ${requestId}`, LIMIT_MS, async () => {
    const answer = await sidecar.api(`/api/requests/${requestId}?fields=state`);
    if (!answer.ok) return undefined;
    return ((await answer.json()) as { state: string }).state === 'running' ? undefined : true;
  });
}

describe('keys', () => {
  const surfaces = [
    '/api/status',
    '/api/conversations',
    '/api/events',
    '/api/nothing-yet',
    '/token-stats',
    '/metrics',
    '/oauth-metrics',
    '/mcp',
  ];
  const ours = surfaces.filter((path) => path !== '/api/nothing-yet');
  const wrong: Record<string, string>[] = [
    {},
    { authorization: 'Bearer wrong' },
    { 'x-dashboard-key': '' },
    { 'x-api-key': 'TOKEN' },
    { cookie: 'nexus_session_3000=TOKEN' },
  ];
  test.each(ours)('%s is closed without one', async (path) => {
    for (const headers of wrong) {
      const sent = Object.entries(headers).map(([name, value]): [string, string] => [
        name,
        value.replace('TOKEN', sidecar.token),
      ]);
      const answer = await fetch(sidecar.url + path, { headers: sent });
      expect([sent, answer.status]).toEqual([sent, 401]);
      expect(answer.headers.get('www-authenticate')).toBe('Bearer');
      expect(problem.parse(await answer.json()).code).toBe('unauthorized');
    }
    for (const query of ['token', 'key', 'code', 'api_key']) {
      const answer = await fetch(`${sidecar.url}${path}?${query}=${sidecar.token}`);
      await answer.arrayBuffer();
      expect(answer.status).toBe(401);
    }
  });

  test('the token and the dashboard key open it', async () => {
    for (const headers of [
      { authorization: `Bearer ${sidecar.token}` },
      { authorization: `Bearer ${DASHBOARD_KEY}` },
      { 'x-dashboard-key': DASHBOARD_KEY },
    ]) {
      expect((await fetch(`${sidecar.url}/api/status`, { headers })).status).toBe(200);
    }
  });

  test('nobody’s paths say no more than that it lives', async () => {
    const check = async (path: string, keys: string[]): Promise<void> => {
      const answer = await fetch(sidecar.url + path);
      expect([path, answer.status, Object.keys((await answer.json()) as object)]).toEqual([path, 200, keys]);
    };
    await check('/', ['name', 'version']);
    await check('/health', ['status', 'version', 'uptimeMs', 'database']);
    await check('/health/live', ['status']);
    await check('/health/ready', ['status']);
  });
});

describe('problems', () => {
  const check = async (
    path: string,
    status: number,
    code: string,
    field?: string,
    init?: RequestInit,
  ): Promise<void> => {
    const answer = await sidecar.api(path, init);
    expect([path, answer.status]).toEqual([path, status]);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    const body = problem.parse(await answer.json());
    expect(body).toMatchObject({ code, status });
    if (field !== undefined) expect(body.issues?.map((issue) => issue.path)).toEqual([field]);
  };
  const unknown = '0192f0c1-2b3c-7d4e-8f50-0123456789ab';

  test('bad input names the field', async () => {
    for (const list of ['/api/conversations', '/api/requests']) {
      await check(`${list}?limit=0`, 400, 'bad_request', 'limit');
      await check(`${list}?limit=201`, 400, 'bad_request', 'limit');
      await check(`${list}?limit=many`, 400, 'bad_request', 'limit');
      await check(`${list}?dateFrom=yesterday`, 400, 'bad_request', 'dateFrom');
      await check(`${list}?cursor=nonsense`, 400, 'bad_request', 'cursor');
      await check(`${list}?state=lost`, 400, 'bad_request', 'state');
    }
    await check('/api/requests?conversationId=x', 400, 'bad_request', 'conversationId');
    await check(`/api/requests/${unknown}?fields=requestBody,nope`, 400, 'bad_request', 'fields');
    await check('/api/stats?since=x', 400, 'bad_request', 'since');
  });

  test('unknown ids are not found, whatever they look like', async () => {
    for (const id of [
      unknown,
      '11111111-1111-1111-1111-111111111111',
      'nope',
      "x'; drop table exchange; --",
    ]) {
      const path = encodeURIComponent(id);
      await check(`/api/conversations/${path}`, 404, 'not_found');
      await check(`/api/requests/${path}`, 404, 'not_found');
      await check(`/api/requests/${path}/link`, 404, 'not_found');
    }
    await check('/api/projects', 404, 'not_found');
  });

  test('writes say that they are JSON, and are', async () => {
    const post = (type: string, body: string): RequestInit => ({
      method: 'POST',
      headers: { 'content-type': type },
      body,
    });
    await check('/api/shutdown', 415, 'unsupported_media_type', undefined, post('text/plain', '{}'));
    await check(
      '/api/shutdown',
      415,
      'unsupported_media_type',
      undefined,
      post('application/x-www-form-urlencoded', ''),
    );
    await check('/api/shutdown', 400, 'bad_request', undefined, post('application/json', '{'));
    const large = JSON.stringify('x'.repeat(1024 * 1024));
    await check('/api/shutdown', 413, 'too_large', undefined, post('application/json', large));
    await check('/ui/session', 400, 'bad_request', '', post('application/json', '{}'));
  });
});

describe('rows', () => {
  test('an exchange is found through the typed client', async () => {
    const requestId = await exchange('rows, please');
    await recorded(requestId);
    const { api } = client();
    const detail = await unwrap(api.requests[':id'].$get({ param: { id: requestId }, query: {} }));
    expect(detail).toMatchObject({
      requestId,
      project: 'shop',
      model: 'claude-x',
      responseStatus: 200,
      state: 'completed',
    });
    expect(detail.requestBody).toMatchObject({ messages: [{ role: 'user', content: 'rows, please' }] });

    const part = await unwrap(
      api.requests[':id'].$get({ param: { id: requestId }, query: { fields: 'model' } }),
    );
    expect(part).toEqual({ requestId, model: 'claude-x' });

    const conversations = conversationPage.parse(
      await unwrap(api.conversations.$get({ query: { project: 'shop' } })),
    );
    const found = conversations.conversations.find((row) => row.latestRequestId === requestId);
    expect(found).toMatchObject({ project: 'shop', requestCount: 1 });
    const id = found?.conversationId ?? '';
    const whole = await unwrap(api.conversations[':id'].$get({ param: { id } }));
    expect(whole.requests.map((row) => row.requestId)).toEqual([requestId]);
    const link = await unwrap(api.requests[':id'].link.$get({ param: { id: requestId } }));
    expect(link.signal).toBe('root');
  });

  test('pages follow each other without a gap', async () => {
    const sent = [await exchange('page a'), await exchange('page b'), await exchange('page c')];
    for (const id of sent) await recorded(id);
    const all = requestPage.parse(await unwrap(client().api.requests.$get({ query: { limit: '200' } })));
    const paged: string[] = [];
    let cursor: string | null = null;
    do {
      const query: Record<string, string> = { limit: '2', ...(cursor === null ? {} : { cursor }) };
      const page = await unwrap(client().api.requests.$get({ query }));
      expect(page.requests.length).toBeLessThanOrEqual(2);
      paged.push(...page.requests.map((row) => row.requestId));
      cursor = page.pagination.nextCursor;
    } while (cursor !== null);
    expect(paged).toEqual(all.requests.map((row) => row.requestId));
    expect(paged.slice(0, 3)).toEqual(sent.toReversed());
  });

  test('status and stats have their shape', async () => {
    const status = sidecarStatus.parse(await unwrap(client().api.status.$get()));
    expect(status).toMatchObject({
      upstream: upstream.url,
      database: { engine: 'pglite' },
      activeRequests: 0,
    });
    statsRow.parse(await unwrap(client().api.stats.$get({ query: {} })));
  });
});

describe('events', () => {
  interface Listening {
    events: NexusEvent[];
    ids: string[];
    stop(): void;
  }

  /** A subscriber over plain fetch, from `lastId` on; resolves when it is connected. */
  async function listen(lastId: string | null, window?: string): Promise<Listening> {
    const stop = new AbortController();
    const headers = {
      ...(lastId === null ? {} : { 'last-event-id': lastId }),
      ...(window === undefined ? {} : { 'x-nexus-window': window }),
    };
    const answer = await sidecar.api('/api/events', { headers, signal: stop.signal });
    expect(answer.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    const listening: Listening = {
      events: [],
      ids: [],
      stop: () => {
        stop.abort();
      },
    };
    void (async () => {
      let text = '';
      for await (const chunk of answer.body!.pipeThrough(new TextDecoderStream())) {
        text += chunk;
        const frames = text.split('\n\n');
        text = frames.pop() ?? '';
        for (const frame of frames.filter((lines) => !lines.startsWith(':'))) {
          const field = (name: string): string => new RegExp(`^${name}: (.*)$`, 'm').exec(frame)?.[1] ?? '';
          listening.ids.push(field('id'));
          listening.events.push({ name: field('event'), ...JSON.parse(field('data')) } as NexusEvent);
        }
      }
    })().catch(() => undefined);
    return listening;
  }

  const heard = (listening: Listening, name: string, id: string): Promise<true> =>
    until(`${name} ${id}`, LIMIT_MS, () =>
      Promise.resolve(
        listening.events.some((event) => event.name === name && event.ids.includes(id)) ? true : undefined,
      ),
    );

  test('what happened meanwhile is played again after a reconnect', async () => {
    const first = await listen(null);
    const before = await exchange('event one');
    await heard(first, 'exchange.recorded', before);
    expect(first.events[0]).toEqual({ name: 'resync', ids: [] });
    first.stop();
    const lastId = first.ids.at(-1) ?? '';

    const missed = await exchange('event two');
    await recorded(missed);
    const second = await listen(lastId);
    await heard(second, 'exchange.recorded', missed);
    expect(second.events.some((event) => event.name === 'resync')).toBe(false);
    expect(
      second.events.some((event) => event.ids.includes(before) && event.name === 'exchange.recorded'),
    ).toBe(false);
    second.stop();
  });

  test('an id of another run gets a resync', async () => {
    const stranger = await listen('00000000-7');
    await until('resync', LIMIT_MS, () => Promise.resolve(stranger.events[0]));
    expect(stranger.events[0]).toEqual({ name: 'resync', ids: [] });
    stranger.stop();
  });

  test('windows are counted while their stream is open', async () => {
    const windows = (count: number): Promise<true> =>
      until(`${String(count)} windows`, LIMIT_MS, async () => {
        const status = sidecarStatus.parse(await (await sidecar.api('/api/status')).json());
        return status.windows === count ? true : undefined;
      });
    const one = await listen(null, 'a');
    const again = await listen(null, 'a');
    const other = await listen(null, 'b');
    await windows(2);
    one.stop();
    other.stop();
    await windows(1);
    again.stop();
    await windows(0);
  });

  test('the client’s own subscription hears them and ends quietly', async () => {
    const stop = new AbortController();
    const events: NexusEvent[] = [];
    const states: string[] = [];
    const subscription = subscribe({
      url: `${sidecar.url}/api/events`,
      token: sidecar.token,
      window: null,
      fetch,
      onEvent: (event) => events.push(event),
      onState: (state) => states.push(state),
      signal: stop.signal,
    });
    await until('a connection', LIMIT_MS, () =>
      Promise.resolve(states.includes('connected') ? true : undefined),
    );
    const id = await exchange('event three');
    const seen = (event: NexusEvent): boolean => event.name === 'exchange.recorded' && event.ids.includes(id);
    await until('the event', LIMIT_MS, () => Promise.resolve(events.some(seen) ? true : undefined));
    stop.abort();
    await subscription;
    expect(states).toEqual(['connecting', 'connected']);
  });
});
