import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient } from '../../src/client/client.ts';
import { subscribe } from '../../src/client/subscribe.ts';
import { unwrap } from '../../src/client/unwrap.ts';
import type { NexusEvent } from '../../src/protocol/events.ts';
import { problem } from '../../src/protocol/problem.ts';
import {
  deletedConversation,
  pinnedConversation,
  pruneReport,
  storageReport,
  vacuumReport,
} from '../../src/protocol/storage.ts';
import { createFakeAnthropic, text, type FakeAnthropic } from '../support/fake-anthropic.mjs';
import { databaseOpen, startSidecar, type TestSidecar } from '../support/sidecar.ts';
import { until } from '../support/until.ts';

const LIMIT_MS = 60_000;
const UNKNOWN = '00000000-0000-4000-8000-000000000000';

let upstream: FakeAnthropic;
let sidecar: TestSidecar;
const events: NexusEvent[] = [];
const stop = new AbortController();
let subscription: Promise<void> = Promise.resolve();
beforeAll(async () => {
  upstream = await createFakeAnthropic({ script: [{ reply: { content: [text('hello')] } }] });
  sidecar = await startSidecar({ upstream: upstream.url });
  await databaseOpen(sidecar);
  const connected = Promise.withResolvers<undefined>();
  subscription = subscribe({
    url: `${sidecar.url}/api/events`,
    token: sidecar.token,
    window: null,
    fetch,
    onEvent: (event) => events.push(event),
    onState: (state) => {
      if (state === 'connected') connected.resolve(undefined);
    },
    signal: stop.signal,
  });
  await connected.promise;
});
afterAll(async () => {
  stop.abort();
  await subscription;
  await sidecar.remove();
  await upstream.close();
});

const client = (): ReturnType<typeof createClient> =>
  createClient(sidecar.url, (input, init) => {
    const headers = new Headers(init?.headers);
    headers.set('authorization', `Bearer ${sidecar.token}`);
    if (init?.method === 'PUT') headers.set('content-type', 'application/json');
    return fetch(input, { ...init, headers });
  });

/** Sends one request through the proxy; the conversation it began. */
async function conversation(words: string): Promise<string> {
  const answer = await fetch(`${sidecar.baseUrl}/v1/messages`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': 'made-up' },
    body: JSON.stringify({ model: 'claude-x', max_tokens: 9, messages: [{ role: 'user', content: words }] }),
  });
  await answer.arrayBuffer();
  const id = answer.headers.get('x-nexus-request-id') ?? '';
  return until('the conversation', LIMIT_MS, async () => {
    const found = await sidecar.api(`/api/requests/${id}?fields=state,conversationId`);
    if (!found.ok) return undefined;
    const row = (await found.json()) as { state: string; conversationId: string };
    return row.state === 'running' ? undefined : row.conversationId;
  });
}

const told = (name: NexusEvent['name'], id: string): Promise<true> =>
  until(`${name} of ${id}`, LIMIT_MS, () =>
    Promise.resolve(events.some((event) => event.name === name && event.ids.includes(id)) ? true : undefined),
  );

describe('the storage routes', () => {
  it('pin and unpin a conversation', async () => {
    const id = await conversation('pin me');
    const { api } = client();
    const pin = api.conversations[':id'].pin;
    for (let round = 0; round < 2; round++) {
      const answer = pinnedConversation.parse(await unwrap(pin.$put({ param: { id } })));
      expect(answer).toEqual({ conversationId: id, pinned: true });
    }
    expect((await unwrap(api.conversations[':id'].$get({ param: { id } }))).conversation.pinned).toBe(true);
    for (let round = 0; round < 2; round++) {
      expect(await unwrap(pin.$delete({ param: { id } }))).toEqual({ conversationId: id, pinned: false });
    }
    await told('conversation.changed', id);
  });

  it('delete a conversation, and say so', async () => {
    const id = await conversation('delete me');
    const { api } = client();
    const answer = deletedConversation.parse(
      await unwrap(api.conversations[':id'].$delete({ param: { id: id.toUpperCase() } })),
    );
    expect(answer).toMatchObject({
      conversationId: id,
      done: true,
      removed: { conversations: 1, exchanges: 1 },
    });
    await told('conversation.deleted', id);
    expect((await sidecar.api(`/api/conversations/${id}`)).status).toBe(404);
    expect((await sidecar.api(`/api/conversations/${id}`, { method: 'DELETE' })).status).toBe(404);
  });

  it('report, prune and vacuum', async () => {
    await conversation('report me');
    const { api } = client();
    const report = storageReport.parse(await unwrap(api.storage.$get()));
    expect(report.exchanges).toBeGreaterThan(0);
    expect(report.totalBytes).toBeGreaterThan(10_000);
    const none = pruneReport.parse(await unwrap(api.storage.prune.$post({ json: {} })));
    expect(none).toEqual({
      done: true,
      dryRun: false,
      elsewhere: false,
      removed: { conversations: 0, exchanges: 0, blocks: 0, bytes: 0 },
    });
    const planned = pruneReport.parse(
      await unwrap(api.storage.prune.$post({ json: { olderThanDays: 1e-9, dryRun: true } })),
    );
    expect(planned.removed.conversations).toBeGreaterThan(0);
    const pruned = pruneReport.parse(
      await unwrap(api.storage.prune.$post({ json: { olderThanDays: 1e-9 } })),
    );
    expect(pruned.removed.conversations).toBe(planned.removed.conversations);
    const vacuumed = vacuumReport.parse(await unwrap(api.storage.vacuum.$post({ json: {} })));
    expect(vacuumed.done).toBe(true);
    expect(storageReport.parse(await unwrap(api.storage.$get()))).toMatchObject({ exchanges: 0, blocks: 0 });
  });

  it.each<[string, string, unknown, number, string]>([
    ['DELETE', `/api/conversations/${UNKNOWN}`, undefined, 404, 'not_found'],
    ['DELETE', '/api/conversations/what', undefined, 404, 'not_found'],
    ['PUT', `/api/conversations/${UNKNOWN}/pin`, {}, 404, 'not_found'],
    ['DELETE', `/api/conversations/${UNKNOWN}/pin`, undefined, 404, 'not_found'],
    ['PUT', '/api/conversations/what/pin', {}, 404, 'not_found'],
    ['POST', '/api/storage/prune', { olderThanDays: -1 }, 400, 'bad_request'],
    ['POST', '/api/storage/prune', { olderThanDays: 'all' }, 400, 'bad_request'],
    ['POST', '/api/storage/prune', { maxBytes: 1.5 }, 400, 'bad_request'],
    ['POST', '/api/storage/prune', { olderThan: 3 }, 400, 'bad_request'],
    ['POST', '/api/storage/prune', { dryRun: 'yes' }, 400, 'bad_request'],
    ['POST', '/api/storage/vacuum', undefined, 415, 'unsupported_media_type'],
    ['PUT', `/api/conversations/${UNKNOWN}/pin`, undefined, 415, 'unsupported_media_type'],
  ])('refuse %s %s with %j', async (method, path, body, status, code) => {
    const answer = await sidecar.api(path, {
      method,
      ...(body === undefined
        ? {}
        : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
    expect([answer.status, problem.parse(await answer.json()).code]).toEqual([status, code]);
  });

  it('are closed without a key', async () => {
    for (const [method, path] of [
      ['GET', '/api/storage'],
      ['POST', '/api/storage/prune'],
      ['POST', '/api/storage/vacuum'],
      ['DELETE', `/api/conversations/${UNKNOWN}`],
    ] as const) {
      expect((await fetch(sidecar.url + path, { method })).status).toBe(401);
    }
  });
});
