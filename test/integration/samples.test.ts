import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, expect, it } from 'vitest';
import { createAssembler } from '../../src/sidecar/core/assemble.ts';
import { joinBody } from '../../src/sidecar/core/join.ts';
import { prepareBody } from '../../src/sidecar/core/prepare.ts';
import { readRequest } from '../../src/sidecar/core/read-request.ts';
import { splitBody } from '../../src/sidecar/core/split.ts';
import type { Sample } from '../../src/sidecar/recorder/samples.ts';
import { createTestDatabase } from '../support/databases.ts';
import { JSON_TYPE, messageOf, SSE, streamOf, text, turn, user } from '../support/messages.ts';
import { startRecording, type Recording, type ScriptedExchange } from '../support/recording.ts';

const T0 = Date.UTC(2026, 10, 22, 12);
const key = `sk-ant-api03-madeup1234567890`;
const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A recorder that collects samples into a directory which `prepare` may spoil. */
async function collecting(
  prepare: (dir: string) => void = () => undefined,
): Promise<{ dir: string; recording: Recording }> {
  const database = await createTestDatabase('pglite', null);
  cleanups.push(() => database.remove());
  const dir = join(database.dataDir, 'deep', 'samples');
  prepare(dir);
  const recording = startRecording(database, { recorder: { samplesDir: dir } });
  cleanups.push(() => recording.close());
  await recording.recorder.ready;
  return { dir, recording };
}

const opus = { model: 'claude-opus-4-made-up' };
const stream = (content: string, at = T0): ScriptedExchange => ({
  at,
  body: turn('session-samples', [user(content)], opus),
  response: { headers: SSE, chunks: streamOf({ content: [text(`I saw ${key}, and more`)] }) },
});

function sampleOf(dir: string, kind: string): Sample {
  return JSON.parse(readFileSync(join(dir, `${kind}.json`), 'utf8')) as Sample;
}

it('keeps one sample of each kind, masked, for this user alone', async () => {
  const { dir, recording } = await collecting();
  recording.write(stream(`use ${key}`));
  recording.write(stream('another of the same kind', T0 + 1000));
  const plain = { tools: [], stream: false, model: 'claude-haiku-made-up' };
  recording.write({
    at: T0 + 2000,
    body: turn('other-session', [user('plain')], plain),
    response: {
      headers: [...JSON_TYPE, ['content-encoding', 'gzip']],
      chunks: [gzipSync(JSON.stringify(messageOf({ content: [] })))],
    },
  });
  recording.write({
    at: T0 + 3000,
    body: turn('session-samples', [user('too many')], opus),
    response: {
      status: 429,
      headers: JSON_TYPE,
      chunks: ['{"type":"error","error":{"type":"rate_limit_error","message":"wait"}}'],
    },
  });
  recording.write({
    at: T0 + 4000,
    head: { method: 'GET', path: '/v1/models/Claude-1?limit=5' },
    body: null,
    response: { headers: JSON_TYPE, chunks: ['{"data":[]}'] },
  });
  await recording.recorder.drain();
  expect(readdirSync(dir).sort()).toEqual([
    'inference_non_streaming_haiku.json',
    'inference_streaming_opus_tools.json',
    'inference_streaming_opus_tools_429.json',
    'other_get_v1_models.json',
  ]);
  const sample = sampleOf(dir, 'inference_streaming_opus_tools');
  expect(sample).toMatchObject({
    metadata: {
      kind: 'inference_streaming_opus_tools',
      requestType: 'inference',
      streaming: true,
      model: opus.model,
      messageCount: 1,
      tools: true,
      redactions: [
        { path: 'requestBody.messages[0].content', kind: 'anthropic-key' },
        { path: 'responseBody.content[0].text', kind: 'anthropic-key' },
      ],
    },
    method: 'POST',
    path: '/v1/messages',
    body: { messages: [{ content: 'use sk-ant-****' }] },
    response: { status: 200, headers: SSE },
  });
  for (const name of readdirSync(dir)) {
    expect(readFileSync(join(dir, name), 'utf8')).not.toContain(key);
    if (process.platform !== 'win32') expect(statSync(join(dir, name)).mode & 0o077).toBe(0);
  }
  rmSync(join(dir, 'inference_streaming_opus_tools.json'));
  recording.write(stream('collected anew', T0 + 5000));
  await recording.recorder.drain();
  expect(sampleOf(dir, 'inference_streaming_opus_tools').body).toMatchObject({
    messages: [{ content: 'collected anew' }],
  });
});

it('is input for a test', async () => {
  const { dir, recording } = await collecting();
  recording.write(stream(`use ${key}`));
  await recording.recorder.drain();
  const { method, path, headers, body, response } = sampleOf(dir, 'inference_streaming_opus_tools');
  const facts = readRequest({ method, path, headers, body });
  expect(facts).toMatchObject({
    requestType: 'inference',
    streaming: true,
    preview: 'use sk-ant-****',
    sessionId: 'session-samples',
  });
  const bytes = Buffer.from(JSON.stringify(body));
  expect(prepareBody(bytes).kind).toBe('chains');
  expect(joinBody(splitBody(bytes)!).equals(bytes)).toBe(true);
  const assembler = createAssembler(SSE[0]![1]);
  assembler.push(Buffer.from(String(response!.body)), 0);
  expect(assembler.end()).toMatchObject({ complete: true, text: 'I saw sk-ant-****, and more' });
});

it('does not disturb recording where nothing can be written, and says so once', async () => {
  const { recording } = await collecting((dir) => {
    mkdirSync(join(dir, '..', '..'), { recursive: true });
    writeFileSync(join(dir, '..'), 'a file where a directory should be');
  });
  const first = recording.write(stream('one'));
  const second = recording.write(stream('two', T0 + 1000));
  await recording.recorder.drain();
  for (const { id } of [first, second]) {
    expect(await recording.read('getRequest', id, ['state'])).toMatchObject({ state: 'completed' });
  }
  expect(
    recording.logs.filter((line) => line.includes('Samples of traffic cannot be collected')),
  ).toHaveLength(1);
});
