import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { subscribe } from '../../src/client/subscribe.ts';
import type { NexusEvent } from '../../src/protocol/events.ts';
import { conversationPage, type ConversationDetail, type RequestDetail } from '../../src/protocol/rows.ts';
import { sidecarStatus } from '../../src/protocol/status.ts';
import { createFakeAnthropic, text, type FakeAnthropic } from '../support/fake-anthropic.mjs';
import { journalOf, startRecording, type Recording } from '../support/recording.ts';
import { databaseOpen, newDataDir, startSidecar, type TestSidecar } from '../support/sidecar.ts';
import { until } from '../support/until.ts';

const LIMIT_MS = 60_000;
const user = (content: string) => ({ role: 'user', content });
const assistant = (content: string) => ({ role: 'assistant', content: [{ type: 'text', text: content }] });

/** `STORAGE_ENABLED=false`: the last exchanges are shown, nothing is written (SPEC 3.7). */
describe('a sidecar in live mode', () => {
  let upstream: FakeAnthropic;
  let dataDir: string;
  let sidecar: TestSidecar;
  beforeAll(async () => {
    upstream = await createFakeAnthropic({ script: [{ reply: { content: [text('hello')] } }] });
    dataDir = newDataDir();
    sidecar = await startLive();
  });
  afterAll(async () => {
    await sidecar.remove();
    await upstream.close();
  });

  const startLive = (): Promise<TestSidecar> =>
    startSidecar({ upstream: upstream.url, dataDir, env: { STORAGE_ENABLED: 'false' } });

  const send = async (messages: object[]): Promise<string> => {
    const answer = await fetch(`${sidecar.baseUrl}/p/shop/v1/messages`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': 'made-up' },
      body: JSON.stringify({ model: 'claude-x', max_tokens: 9, messages }),
    });
    await answer.arrayBuffer();
    return answer.headers.get('x-nexus-request-id') ?? '';
  };
  const detail = (id: string): Promise<RequestDetail> =>
    until(`request ${id}`, LIMIT_MS, async () => {
      const answer = await sidecar.api(`/api/requests/${id}`);
      const row = answer.ok ? ((await answer.json()) as RequestDetail) : null;
      return row === null || row.state === 'running' ? undefined : row;
    });
  const conversations = async () =>
    conversationPage.parse(await (await sidecar.api('/api/conversations')).json()).conversations;

  test('shows what passes, and keeps nothing of it', async () => {
    const status = sidecarStatus.parse(await (await sidecar.api('/api/status')).json());
    expect(status).toMatchObject({ storage: 'live', database: { engine: 'pglite' } });

    const seen: NexusEvent[] = [];
    const stop = new AbortController();
    const following = subscribe({
      url: `${sidecar.url}/api/events`,
      token: sidecar.token,
      window: null,
      fetch,
      onEvent: (event) => seen.push(event),
      onState: () => undefined,
      signal: stop.signal,
    });
    const first = await send([user('live one')]);
    const second = await send([user('live one'), assistant('hello'), user('and two')]);

    // The tree, the row and the body, as from a database on disk.
    const request = await detail(second);
    expect(request).toMatchObject({ state: 'completed', parentRequestId: first, messageCount: 3 });
    expect(request.requestBody).toMatchObject({ messages: [user('live one'), {}, user('and two')] });
    const tree = (await (
      await sidecar.api(`/api/conversations/${String(request.conversationId)}`)
    ).json()) as ConversationDetail;
    expect(tree.requests.map((row) => row.requestId)).toEqual([first, second]);
    await until('the event', LIMIT_MS, () =>
      Promise.resolve(
        seen.some(({ name, ids }) => name === 'exchange.recorded' && ids.includes(second)) || undefined,
      ),
    );
    stop.abort();
    await following;

    await databaseOpen(sidecar);
    const names = readdirSync(dataDir, { recursive: true }).map(String);
    expect(names.filter((name) => /nxj|pglite|PG_VERSION/.test(name))).toEqual([]);
    expect(names).toContain('sidecar.lock');

    // Another life knows nothing of this one, but that it is the same account.
    const account = request.accountId;
    await sidecar.stop();
    sidecar = await startLive();
    expect(await conversations()).toEqual([]);
    const third = await send([user('live one')]);
    expect((await detail(third)).accountId).toBe(account);
    expect(await conversations()).toHaveLength(1);
  });
});

describe('the ring of live mode', () => {
  const cleanUp: (() => Promise<void> | void)[] = [];
  afterEach(async () => {
    for (const work of cleanUp.splice(0).reverse()) await work();
  });

  const record = (limits: { exchanges?: number; bytes?: number; waitingBytes?: number }): Recording => {
    const dataDir = mkdtempSync(join(tmpdir(), 'nexus-live-'));
    const live = { exchanges: 1000, bytes: 1e9, waitingBytes: 1e9, ...limits };
    const recording = startRecording({ dataDir, databaseUrl: null }, { recorder: { live } });
    cleanUp.push(() => {
      rmSync(dataDir, { recursive: true });
    });
    cleanUp.push(() => recording.close());
    return recording;
  };

  let clock = Date.parse('2026-01-05T10:00:00Z');
  /** Tells the recorder of an exchange, its bytes in the note. */
  const tell = (recording: Recording, messages: object[], reply = 'well', path = ''): string => {
    clock += 1000;
    const answer = { type: 'message', role: 'assistant', stop_reason: 'end_turn', content: [text(reply)] };
    const { id, bytes } = journalOf({
      at: clock,
      head: { path: `/v1/messages${path}` },
      body: { model: 'claude-x', max_tokens: 9, messages },
      response: {
        headers: [['content-type', 'application/json']],
        chunks: [JSON.stringify({ ...answer, id: `msg_${String(clock)}` })],
      },
    });
    const added = { from: 0, bytes: new Uint8Array(bytes) };
    recording.recorder.journal([{ id, size: bytes.length, ended: true, added }]);
    return id;
  };
  /** The status follows a moment later. */
  const statusSays = (recording: Recording, exchanges: number): Promise<true> =>
    until('the status', LIMIT_MS, () => {
      const { recorded, dropped } = recording.status();
      return Promise.resolve(recorded + dropped === exchanges || undefined);
    });
  const all = async (recording: Recording): Promise<string[]> => {
    await recording.recorder.drain();
    const page = await recording.read('listRequests', { limit: 200 });
    return page.requests.map((row) => row.requestId);
  };

  test('keeps the newest conversations', async () => {
    const recording = record({ exchanges: 30 });
    const ids: string[] = [];
    for (let i = 0; i < 150; i++) ids.push(tell(recording, [user(`question ${String(i)}`)]));
    const left = await all(recording);
    expect(left.length).toBeLessThanOrEqual(33);
    expect(left.length).toBeGreaterThanOrEqual(27);
    expect(left).toEqual(ids.slice(-left.length).reverse());
    await statusSays(recording, 150);
    expect(recording.status()).toMatchObject({ recorded: 150, failed: 0, dropped: 0, lastError: null });
    const deleted = recording.events.filter(({ name }) => name === 'conversation.deleted');
    expect(new Set(deleted.flatMap(({ ids: gone }) => gone)).size).toBe(150 - left.length);
  });

  test('lets calls beside conversations go with what is as old', async () => {
    const recording = record({ exchanges: 20 });
    const ids: string[] = [];
    for (let i = 0; i < 60; i++) {
      ids.push(tell(recording, [user(`question ${String(i)}`)], 'well', i % 4 === 0 ? '' : '/count_tokens'));
    }
    const left = await all(recording);
    expect(left.length).toBeLessThanOrEqual(22);
    expect(left).toEqual(ids.slice(-left.length).reverse());
  });

  test('cuts the beginning off a conversation that is alone', async () => {
    const recording = record({ exchanges: 20 });
    const messages: object[] = [];
    const ids: string[] = [];
    for (let i = 0; i < 60; i++) {
      messages.push(user(`turn ${String(i)}`));
      ids.push(tell(recording, messages, `answer ${String(i)}`));
      messages.push(assistant(`answer ${String(i)}`));
    }
    const left = await all(recording);
    expect(left.length).toBeLessThanOrEqual(22);
    expect(left).toEqual(ids.slice(-left.length).reverse());
    // What is left hangs together, and every body is whole.
    const { conversations } = await recording.read('listConversations', { limit: 50 });
    expect(conversations).toHaveLength(1);
    const tree = await recording.read('getConversation', conversations[0]!.conversationId);
    const parents = tree!.requests.map((row) => row.parentRequestId);
    expect(parents).toEqual([null, ...tree!.requests.slice(0, -1).map((row) => row.requestId)]);
    const oldest = await recording.read('getRequest', left.at(-1)!);
    const at = ids.indexOf(left.at(-1)!);
    expect((oldest!.requestBody as { messages: unknown[] }).messages).toEqual(messages.slice(0, 2 * at + 1));
    expect(recording.status().failed).toBe(0);
  });

  test('keeps within its bytes', async () => {
    const recording = record({ exchanges: 100, bytes: 300_000 });
    const noise = (seed: number): string =>
      Array.from({ length: 2000 }, (_, i) => ((seed * 7919 + i * 104_729) ** 2).toString(36)).join('');
    for (let i = 0; i < 60; i++) tell(recording, [user(`${String(i)} ${noise(i)}`)]);
    const left = await all(recording);
    expect(left.length).toBeGreaterThan(2);
    expect(left.length).toBeLessThan(40);
  });

  test('drops the oldest that wait when the recorder cannot keep up', async () => {
    const recording = record({ waitingBytes: 40_000 });
    const ids: string[] = [];
    // The database takes a second to be made: all of it waits.
    for (let i = 0; i < 30; i++) ids.push(tell(recording, [user(`${String(i)} ${'x'.repeat(4000)}`)]));
    const left = await all(recording);
    await statusSays(recording, 30);
    const { dropped } = recording.status();
    expect(dropped).toBeGreaterThan(10);
    expect(left).toEqual(ids.slice(dropped).reverse());
    expect(recording.logs.join('\n')).toMatch(/cannot keep up/);
  });
});
