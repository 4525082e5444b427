import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import type { RedactBodies } from '../../src/sidecar/core/redact-edits.ts';
import { createTestDatabase, engines, type TestDatabase } from '../support/databases.ts';
import { assistant, JSON_TYPE, SSE, streamOf, text, toolUse, turn, user } from '../support/messages.ts';
import { usePostgres } from '../support/postgres-suite.ts';
import { startRecording, type Recording } from '../support/recording.ts';
import { until } from '../support/until.ts';

const T0 = Date.UTC(2026, 10, 21, 12);
const token = 'the-sidecars-made-up-token';
const key = `sk-ant-api03-madeup1234567890`;
const server = usePostgres();

describe.each(engines)('what the recorder stores of secrets on %s', (engine) => {
  const recordings = new Map<RedactBodies, Promise<Recording>>();
  const databases: TestDatabase[] = [];
  afterAll(async () => {
    for (const recording of recordings.values()) await (await recording).close();
    for (const database of databases) await database.remove();
  });
  /** The recorder with this setting, started when it is first asked for. */
  function start(redactBodies: RedactBodies): Promise<Recording> {
    const known = recordings.get(redactBodies) ?? open(redactBodies);
    recordings.set(redactBodies, known);
    return known;
  }
  async function open(redactBodies: RedactBodies): Promise<Recording> {
    const database = await createTestDatabase(engine, server());
    databases.push(database);
    const recording = startRecording(database, { recorder: { redactBodies, ownSecrets: [token] } });
    await recording.recorder.ready;
    return recording;
  }

  it('lists what it masked by path, and rows show the masked words', async () => {
    const recording = await start('all');
    const chunks = streamOf({ content: [text(`I see ${key}${' '.repeat(30)}`)] });
    const body = turn('session-list', [user(`use ${key} and ${token}`)]);
    const { id } = recording.write({ at: T0, body, response: { headers: SSE, chunks } });
    await recording.recorder.drain();
    const stars = '*'.repeat(token.length);
    expect(await recording.read('getRequest', id)).toMatchObject({
      state: 'completed',
      preview: `use sk-ant-**** and ${stars}`,
      requestBody: { messages: [{ content: `use sk-ant-**** and ${stars}` }] },
      responseBody: { content: [{ text: `I see sk-ant-****${' '.repeat(30)}` }] },
      // A preview is without the marks of Markdown.
      answerPreview: 'I see sk-ant-',
      redactions: [
        { path: 'requestBody.messages[0].content', kind: 'anthropic-key' },
        { path: 'requestBody.messages[0].content', kind: 'nexus-token' },
        { path: 'responseBody.content[0].text', kind: 'anthropic-key' },
      ],
    });
    const list = await recording.read('listConversations', { limit: 5 });
    expect(JSON.stringify(list)).toContain(`use sk-ant-**** and ${stars}`);
  });

  it('links a turn to the answer that said the secret, and a sub-agent to the call that has it in its prompt', async () => {
    const recording = await start('all');
    const ask = turn('session-link', [user('first')]);
    const said = text(`the key is ${key}, said over two deltas`);
    const call = toolUse('toolu_1', 'Agent', { prompt: `try "${key}"\nnow`, description: 'x' });
    const first = recording.write({
      at: T0,
      body: ask,
      response: { headers: SSE, chunks: streamOf({ content: [said, call] }) },
    });
    const child = recording.write({
      at: T0 + 2000,
      body: turn('session-link', [user(`try "${key}"\nnow`)], { system: 'another' }),
      response: { headers: SSE, chunks: streamOf({ content: [text('done')] }) },
    });
    const next = recording.write({
      at: T0 + 5000,
      body: turn('session-link', [user('first'), assistant([said, call]), user('go on')]),
      response: { headers: SSE, chunks: streamOf({ content: [text('ok')] }) },
    });
    await recording.recorder.drain();
    const fields = ['parentRequestId', 'isSubtask', 'parentTaskRequestId'];
    expect(await recording.read('getRequest', child.id, fields)).toMatchObject({
      isSubtask: true,
      parentTaskRequestId: first.id,
    });
    expect(await recording.read('getRequest', next.id, fields)).toMatchObject({ parentRequestId: first.id });
    expect(await recording.read('getLink', next.id)).toMatchObject({ signal: 'response-prefix' });
  });

  it('masks client keys from when they come until they go, in an answer the proxy cannot read too', async () => {
    const recording = await start('own');
    const ofClient = 'made-up-key-a-user-chose';
    const check = async (secrets: string[], expected: string): Promise<void> => {
      recording.recorder.setOwnSecrets(secrets);
      const answer = JSON.stringify({
        type: 'message',
        role: 'assistant',
        content: [text(`the key is ${ofClient}`)],
      });
      const { id } = recording.write({
        at: T0,
        body: turn('session-client-key', [user(`use ${ofClient}`)]),
        response: { headers: [...JSON_TYPE, ['content-encoding', 'gzip']], chunks: [gzipSync(answer)] },
      });
      await recording.recorder.drain();
      expect(await recording.read('getRequest', id)).toMatchObject({
        requestBody: { messages: [{ content: `use ${expected}` }] },
        responseBody: { content: [{ text: `the key is ${expected}` }] },
      });
    };
    await check([token], ofClient);
    await check([token, ofClient], '*'.repeat(ofClient.length));
    await check([token], ofClient);
  });

  it('keeps bodies as they passed with `none`', async () => {
    const recording = await start('none');
    const chunks = streamOf({ content: [text(`${key} ${token}`)] });
    const body = turn('session-none', [user(`${key} ${token}`)]);
    const { id } = recording.write({ at: T0, body, response: { headers: SSE, chunks } });
    await recording.recorder.drain();
    const detail = await recording.read('getRequest', id);
    expect(detail).toMatchObject({ requestBody: body, redactions: [] });
    expect(detail!.streamingChunks!.map(({ data }) => data)).toEqual(chunks);
  });

  it.each([
    ['all', null],
    ['own', 'kept'],
  ] as const)('with `%s` an answer that cannot be decoded is %s', async (mode, kept) => {
    const recording = await start(mode);
    const headers: [string, string][] = [...JSON_TYPE, ['content-encoding', 'made-up']];
    const { id } = recording.write({
      at: T0,
      body: turn('session-coded', [user('hi')]),
      response: { headers, chunks: [gzipSync(key)] },
    });
    await recording.recorder.drain();
    const detail = await recording.read('getRequest', id, ['responseBody', 'redactions']);
    if (kept === null) {
      expect(detail).toMatchObject({ redactions: [{ path: 'responseBody', kind: 'undecodable' }] });
      expect([null, '']).toContain(detail!.responseBody);
    } else {
      expect(detail).toMatchObject({ redactions: [], responseBody: expect.stringMatching(/./s) as string });
    }
  });

  it.each([
    ['all', [], /is not kept, because REDACT_BODIES is/],
    ['own', ['failed'], /is kept in .*failed/],
  ] as const)(
    'with `%s` a file that cannot be recorded leaves %j, and the status says so',
    async (mode, files, said) => {
      const recording = await start(mode);
      recording.writeRaw('01900000-0000-7000-8000-000000000001', Buffer.from('no journal at all'), {
        size: 17,
        ended: true,
      });
      await recording.recorder.drain();
      await until('the failure', 20_000, () =>
        Promise.resolve(recording.status().failed === 1 ? true : undefined),
      );
      expect(recording.files()).toEqual(files);
      expect(JSON.stringify(recording.status())).toMatch(said);
      expect(recording.logs.join('\n')).toMatch(said);
    },
  );
});
