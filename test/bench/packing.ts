import { zstdCompressSync } from 'node:zlib';
import type { Cut } from '../../src/sidecar/core/cuts.ts';
import { packResponse } from '../../src/sidecar/core/stream-pack.ts';
import { unpackResponse } from '../../src/sidecar/core/stream-unpack.ts';
import { quantile } from './load.ts';
import type { Row } from './table.ts';

const DELTAS = 466;
/** Skeleton and numbers of one response, its content left out. */
const BYTES_GOAL = 600;
const PACK_MS_GOAL = 1;
/** Until then the engine interprets what it later compiles: five times slower, and longer so on a busy machine. */
const WARM_UP = 300;

/** Bytes and time of storing a streamed response: 466 deltas of a few tokens each, with and without the API's padding. */
export function measurePacking(effort: number): Row[] {
  const steady = streamedAnswer(DELTAS, { steady: true });
  const plain = streamedAnswer(DELTAS, {});
  const padded = streamedAnswer(DELTAS, { padded: true });
  return [
    bytesRow(' of one to three words in bursts', plain),
    bytesRow(' of 24 characters at a steady pace', steady),
    bytesRow(' of one to three words in bursts, padded', padded),
    timeRow(plain, Math.round(100 * effort)),
  ];
}

interface Answer {
  bytes: Buffer;
  cuts: Cut[];
}

function bytesRow(name: string, { bytes, cuts }: Answer): Row {
  const { content, packed } = packResponse(bytes, cuts);
  if (content === null) throw new Error('The stream of the benchmark could not be packed');
  const text = content.blocks.reduce((sum, block) => sum + zstdCompressSync(block).length, 0);
  const shape = zstdCompressSync(content.shape).length;
  const before = zstdCompressSync(bytes).length + plainCuts(cuts);
  return {
    what: `stored beside the content, ${DELTAS} deltas${name}`,
    value: `${packed.length} B (its ${shape} B shape is shared; content ${text} B; the stream and its cuts as zstd ${before} B)`,
    goal: `≤ ${BYTES_GOAL} B`,
    met: packed.length <= BYTES_GOAL,
    ofGoal: packed.length / BYTES_GOAL,
    numbers: { packed: packed.length, shape, content: text, streamAndCuts: before },
  };
}

function timeRow({ bytes, cuts }: Answer, rounds: number): Row {
  const pack: number[] = [];
  const unpack: number[] = [];
  for (let round = -WARM_UP; round < rounds; round++) {
    const start = performance.now();
    const { content, packed } = packResponse(bytes, cuts);
    const middle = performance.now();
    if (content === null || unpackResponse(content, packed) === null) throw new Error('It did not come back');
    if (round < 0) continue;
    pack.push(middle - start);
    unpack.push(performance.now() - middle);
  }
  const p50 = quantile(pack, 0.5);
  return {
    what: `packing a response of ${DELTAS} deltas, verified, p50`,
    value: `${p50.toFixed(2)} ms (at best ${quantile(pack, 0).toFixed(2)} ms; reading it ${quantile(unpack, 0.5).toFixed(2)} ms)`,
    goal: `≤ ${PACK_MS_GOAL} ms`,
    met: p50 <= PACK_MS_GOAL,
    ofGoal: p50 / PACK_MS_GOAL,
    numbers: { packMs: p50, bestPackMs: quantile(pack, 0), unpackMs: quantile(unpack, 0.5) },
  };
}

/** Length and gap of each chunk as LEB128 numbers: what such a list takes without any model. */
function plainCuts(cuts: Cut[]): number {
  const size = (value: number): number => Math.max(1, Math.ceil(Math.log2(value + 1) / 7));
  let time = 0;
  let sum = 0;
  for (const { length, offsetMs } of cuts) {
    sum += size(length) + size(Math.round(offsetMs * 10) - time);
    time = Math.round(offsetMs * 10);
  }
  return sum;
}

const WORDS =
  'the file reads each line and then writes what changed so that a test can see it before the server starts again with new settings in place of old ones'.split(
    ' ',
  );

/**
 * A made-up answer: one to three words a delta, most chunks one event, some two or three, 25 ms apart on average with all
 * the chance there can be. `steady`: 24 characters a delta and a chunk, 5 ± 1 ms apart, as scripted upstreams send them.
 */
function streamedAnswer(deltas: number, { padded = false, steady = false }): Answer {
  const random = randomNumbers(7);
  const pad = (): string => (padded ? ' '.repeat(Math.floor(random() * 16)) : '');
  const event = (value: Record<string, unknown>): string =>
    `event: ${String(value['type'])}\ndata: ${JSON.stringify(value).slice(0, -1)}${pad()}}\n\n`;
  const usage = { input_tokens: 3, cache_creation_input_tokens: 812, cache_read_input_tokens: 91_244 };
  const start = {
    model: 'claude-test-1',
    id: 'msg_01XFDUDYJgAACzvnptvVoYEL',
    type: 'message',
    role: 'assistant',
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: { ...usage, output_tokens: 1, service_tier: 'standard' },
  };
  const events = [
    event({ type: 'message_start', message: start }),
    event({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }),
    event({ type: 'ping' }),
  ];
  for (let index = 0; index < deltas; index++) {
    const words = Array.from(
      { length: 1 + Math.floor(random() * 3) },
      () => WORDS[Math.floor(random() * WORDS.length)],
    );
    const text = steady
      ? fixed(index)
      : `${index === 0 ? '' : ' '}${words.join(' ')}${random() < 0.08 ? '.\n' : ''}`;
    events.push(event({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } }));
  }
  events.push(
    event({ type: 'content_block_stop', index: 0 }),
    event({
      type: 'message_delta',
      delta: { stop_reason: 'end_turn', stop_sequence: null },
      usage: { ...usage, output_tokens: deltas * 3 },
    }),
    event({ type: 'message_stop' }),
  );
  const cuts: Cut[] = [];
  let offsetMs = 900;
  for (let index = 0; index < events.length;) {
    const together = steady || random() < 0.75 ? 1 : 2 + Math.floor(random() * 2);
    const length = Buffer.byteLength(events.slice(index, index + together).join(''));
    offsetMs += steady ? 4 + random() * 2 : -Math.log(1 - random()) * 25;
    cuts.push({ length, offsetMs });
    index += together;
  }
  return { bytes: Buffer.from(events.join('')), cuts };
}

const LONG = WORDS.join(' ').repeat(100);
const fixed = (index: number): string => LONG.slice(index * 24, (index + 1) * 24);

/** Numbers from 0 to 1, the same in each run (a linear congruential generator). */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 0x100000000;
  };
}
