import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { engines } from '../support/databases.ts';
import { usePostgres } from '../support/postgres-suite.ts';
import { JSON_TYPE, messageOf, SSE, streamOf, text, toolUse, turn, user } from '../support/messages.ts';
import type { Recording, ScriptedExchange } from '../support/recording.ts';
import { useRecording } from '../support/recording-suite.ts';

const T0 = Date.UTC(2026, 10, 20, 12);

const server = usePostgres();

describe.each(engines)('recording on %s', (engine) => {
  let recording: Recording;
  useRecording(engine, server, (begun) => {
    recording = begun;
  });

  /** Records one exchange and reads it back. */
  const record = async (script: ScriptedExchange) => {
    const { id } = recording.write(script);
    await recording.recorder.drain();
    const detail = await recording.read('getRequest', id);
    expect(recording.logs.filter((line) => line.startsWith('error'))).toEqual([]);
    return detail!;
  };

  it('gives back the request and the message of a stream, with its chunks and their times', async () => {
    const reply = { content: [text('Grüße, 世界 🌍'), toolUse('toolu_1', 'Bash', { command: 'ls' })] };
    const body = turn('session-stream', [user('list the files')]);
    const chunks = cutOddly(streamOf({ ...reply, id: 'msg_stream' }).join(''));
    const detail = await record({ at: T0, body, response: { headers: SSE, chunks } });
    expect(detail).toMatchObject({
      state: 'completed',
      requestType: 'inference',
      requestBody: body,
      responseBody: { ...messageOf({ ...reply, id: 'msg_stream' }) },
      inputTokens: 7,
      outputTokens: 119,
      totalTokens: 126,
      toolCallCount: 1,
      responseStatus: 200,
      firstByteMs: 20,
      streaming: true,
      preview: 'list the files',
      usageData: { input_tokens: 7, output_tokens: 119 },
    });
    expect(detail.streamingChunks!.map((chunk) => chunk.data).join('')).toBe(
      Buffer.concat(chunks).toString(),
    );
    expect(detail.streamingChunks!.map((chunk) => chunk.offsetMs)).toEqual(
      chunks.map((_, index) => 30 + index * 10),
    );
    expect(recording.files()).toEqual([]);
  });

  it('gives back a JSON answer, unknown fields and blocks included', async () => {
    const answer = {
      ...messageOf({ content: [{ type: 'new_block', payload: [1, 2.5e3] }] }),
      novel: { deep: [null] },
    };
    const body = { ...turn('session-json', [user('hi')]), stream: false, novel: 'field' };
    const detail = await record({
      at: T0 + 1000,
      body,
      response: { headers: JSON_TYPE, chunks: [JSON.stringify(answer)] },
    });
    expect(detail).toMatchObject({
      state: 'completed',
      requestBody: body,
      responseBody: answer,
      streaming: false,
    });
  });

  it.each([
    [
      'a status error',
      {
        status: 529,
        chunks: [
          JSON.stringify({ type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }),
        ],
      },
      {},
      'failed',
      'overloaded_error: Overloaded',
    ],
    [
      'an error that is no JSON',
      { status: 502, chunks: ['<html>bad gateway</html>'] },
      {},
      'failed',
      'HTTP 502',
    ],
    [
      'a stream that ends too early',
      { chunks: streamOf({ content: [text('partial')] }).slice(0, 3) },
      {},
      'failed',
      'The answer ended before it was complete',
    ],
    [
      'an error event in mid-stream',
      {
        chunks: [
          ...streamOf({ content: [text('partial')] }).slice(0, 3),
          'event: error\ndata: {"type":"error","error":{"type":"api_error","message":"boom"}}\n\n',
        ],
      },
      {},
      'failed',
      'api_error: boom',
    ],
    [
      'a client that goes away',
      { chunks: streamOf({ content: [text('partial')] }).slice(0, 3) },
      { reason: 'client-aborted' as const },
      'aborted',
      'The client went away before the answer was complete',
    ],
    [
      'a client that goes away after the last event',
      { chunks: streamOf({ content: [text('whole')] }) },
      { reason: 'client-aborted' as const },
      'completed',
      null,
    ],
    [
      'a sidecar that stops',
      { chunks: streamOf({ content: [text('partial')] }).slice(0, 3) },
      { reason: 'shutdown' as const },
      'interrupted',
      'The sidecar stopped before the answer was complete',
    ],
    [
      'an upstream that is away',
      undefined,
      {
        reason: 'upstream-error' as const,
        error: { code: 'upstream_unreachable', message: 'connect ECONNREFUSED' },
      },
      'failed',
      'upstream_unreachable: connect ECONNREFUSED',
    ],
  ])('records %s', async (_name, response, end, state, error) => {
    const body = turn(`session-${state}`, [user(`why ${String(error)}`)]);
    const isStream = response !== undefined && (response as { status?: number }).status === undefined;
    const detail = await record({
      at: T0 + 2000,
      body,
      ...(response === undefined ? {} : { response: { headers: isStream ? SSE : JSON_TYPE, ...response } }),
      end,
    });
    expect(detail).toMatchObject({ state, error, requestBody: body });
  });

  it.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['deflate', deflateRawSync],
    ['br', brotliCompressSync],
    ['zstd', zstdCompressSync],
  ])('decodes %s, also when it is cut', async (encoding, compress) => {
    const plain = streamOf({ id: 'msg_same', content: [text('compressed '.repeat(300))] }).join('');
    const packed = compress(Buffer.from(plain));
    const headers: [string, string][] = [...SSE, ['content-encoding', encoding]];
    const whole = await record({
      at: T0 + 3000,
      body: turn('session-zip', [user('zip')]),
      response: { headers, chunks: cutOddly(packed) },
    });
    expect(whole.state).toBe('completed');
    expect(whole.streamingChunks!.map((chunk) => chunk.data).join('')).toBe(plain);
    const cut = await record({
      at: T0 + 3001,
      body: turn('session-zip', [user('zip cut')]),
      response: { headers, chunks: [packed.subarray(0, packed.length - 12)] },
      end: { reason: 'client-aborted' },
    });
    const got = cut.streamingChunks!.map((chunk) => chunk.data).join('');
    expect(plain.startsWith(got)).toBe(true);
  });

  it('keeps bytes that are not what their encoding says', async () => {
    const chunks = ['this is not gzip'];
    const headers: [string, string][] = [...SSE, ['content-encoding', 'gzip']];
    const detail = await record({
      at: T0 + 3500,
      body: turn('session-damage', [user('x')]),
      response: { headers, chunks },
    });
    expect(detail.state).toBe('failed');
    expect(detail.error).toMatch(/could not be decoded/);
  });

  it('records what is no inference apart from conversations', async () => {
    const count = await record({
      at: T0 + 4000,
      head: { path: '/v1/messages/count_tokens?beta=true' },
      body: { model: 'm', messages: [user('hi')] },
      response: { headers: JSON_TYPE, chunks: ['{"input_tokens":12}'] },
    });
    expect(count).toMatchObject({
      requestType: 'count_tokens',
      conversationId: null,
      state: 'completed',
      responseBody: { input_tokens: 12 },
    });
    const hello = await record({
      at: T0 + 4001,
      head: { method: 'HEAD', path: '/api/hello' },
      body: null,
      response: { chunks: [] },
    });
    expect(hello).toMatchObject({
      requestType: 'other',
      state: 'completed',
      requestBody: null,
      responseBody: null,
    });
    const odd = await record({
      at: T0 + 4002,
      body: Buffer.from('not json \u0000'),
      response: { status: 400, headers: JSON_TYPE, chunks: ['{}'] },
    });
    expect(odd).toMatchObject({ state: 'failed', requestBody: 'not json \u0000' });
  });

  it('notes a body that was too large by size and hash', async () => {
    const detail = await record({
      at: T0 + 4500,
      head: { path: '/v1/files' },
      body: null,
      response: { headers: JSON_TYPE, chunks: ['{"id":"file_1"}'] },
      end: {
        requestBodyNote: { size: 50_000_000, sha256: 'ab'.repeat(32) },
        redactions: [{ path: 'responseBody', kind: 'path-key' }],
      },
    });
    expect(detail).toMatchObject({
      state: 'completed',
      requestBody: null,
      redactions: [{ path: 'responseBody', kind: 'path-key' }],
    });
  });

  it('shows a request as running while its answer streams, and tells of each change once', async () => {
    const whole = {
      at: T0 + 5000,
      body: turn('session-live', [user('slow one')]),
      response: { headers: SSE, chunks: streamOf({ content: [text('slow')] }) },
    };
    const before = recording.events.length;
    const { id } = recording.write({
      ...whole,
      response: { ...whole.response, chunks: whole.response.chunks.slice(0, 2) },
      end: null,
    });
    await recording.recorder.drain();
    expect(await recording.read('getRequest', id, ['state'])).toEqual({ requestId: id, state: 'running' });
    recording.write({ ...whole, id });
    await recording.recorder.drain();
    expect(await recording.read('getRequest', id, ['state'])).toEqual({ requestId: id, state: 'completed' });
    const told = recording.events.slice(before).filter((event) => event.ids.includes(id));
    expect(told.map((event) => event.name)).toEqual(['exchange.started', 'exchange.recorded']);
  });

  it('answers null for unknown ids and a problem for a foreign cursor', async () => {
    expect(await recording.read('getRequest', 'nonsense')).toBeNull();
    expect(await recording.read('getConversation', '00000000-0000-4000-8000-000000000000')).toBeNull();
    await expect(recording.read('listRequests', { limit: 5, cursor: 'x' })).rejects.toMatchObject({
      code: 'bad_request',
      status: 400,
    });
  });
});

/** Cut in lengths of 1, 7, 13 … bytes, in the middle of characters too. */
function cutOddly(content: string | Buffer): Buffer[] {
  const bytes = Buffer.from(content);
  const chunks: Buffer[] = [];
  let size = 1;
  for (let at = 0; at < bytes.length;) {
    chunks.push(bytes.subarray(at, at + size));
    at += size;
    size = ((size + 6) % 97) + 1;
  }
  return chunks;
}
