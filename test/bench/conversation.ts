import { encodeFrame, FrameKind, type EndFrame, type RequestHead } from '../../src/sidecar/core/frames.ts';
import { uuidV7 } from '../../src/sidecar/core/ids.ts';
import { answerStream, type Arrival } from './answer-stream.ts';
import { randomText, type RandomText } from './random-text.ts';

/** One turn of a made-up Claude Code session, as the wire has it. */
export interface BenchTurn {
  /** ms since the epoch. */
  at: number;
  headers: [string, string][];
  body: Buffer;
  /** The answer, as the client puts it together. */
  message: Record<string, unknown>;
  responseHeaders: [string, string][];
  stream: Arrival[];
}

const MARK = { cache_control: { type: 'ephemeral', ttl: '1h' } };
const TURN_MS = 40_000;

/**
 * A conversation of `turns` turns with the key order, sizes and habits of Claude Code: 15 KB of system prompt, 80 KB of
 * tools, turns of thinking, text, a call and its result (2 to 8 KB of source), a cache mark that moves. The bodies of
 * 100 turns have 358 KB on average, as real ones do (`ANCHORS.md`). Same seed, same bytes; tools and most of the system
 * prompt are the same in all conversations.
 */
export function conversation(options: { turns: number; seed: number; at: number }): BenchTurn[] {
  const shared = randomText(1);
  const random = randomText(options.seed + 1000);
  const session = sessionId(random);
  const system = [
    { type: 'text', text: 'x-anthropic-billing-header: cc_version=2.1.330.b0c; cc_entrypoint=cli;' },
    { type: 'text', text: "You are Claude Code, Anthropic's official CLI for Claude.", ...MARK },
    { type: 'text', text: `${shared.prose(14_300)}\n# Environment\n${random.prose(500)}`, ...MARK },
  ];
  const tools = Array.from({ length: 20 }, (_, index) => ({
    name: `Tool${String(index)}`,
    description: shared.prose(3100),
    input_schema: {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      properties: {
        path: { description: shared.prose(220), type: 'string' },
        content: { description: shared.prose(220), type: 'string' },
        limit: { description: shared.prose(120), type: 'integer', exclusiveMinimum: 0 },
      },
      required: ['path'],
      additionalProperties: false,
    },
  }));
  const messages: { role: string; content: Record<string, unknown>[] }[] = [
    {
      role: 'user',
      content: [
        { type: 'text', text: `<system-reminder>\n${random.prose(2500)}\n</system-reminder>` },
        { type: 'text', text: random.prose(400) },
      ],
    },
  ];
  return Array.from({ length: options.turns }, (_, index) => {
    const at = options.at + index * TURN_MS + random.between(0, 9000);
    const answer = answerOf(index, random);
    const message = {
      model: 'claude-opus-5-5',
      id: `msg_01${random.token(22)}`,
      type: 'message',
      role: 'assistant',
      content: answer,
    };
    const turn: BenchTurn = {
      at,
      headers: requestHeaders(session),
      body: bodyOf(messages, system, tools, session),
      message: { ...message, stop_reason: 'tool_use', stop_sequence: null },
      responseHeaders: responseHeaders(at, random),
      stream: answerStream(message, random.between(100, 900), random),
    };
    messages.push({ role: 'assistant', content: answer }, asked(answer, index, random));
    return turn;
  });
}

/** The journal file of a turn, as the proxy writes it. */
export function journalFile(turn: BenchTurn): { id: string; bytes: Buffer } {
  const id = uuidV7(turn.at);
  const head: RequestHead = {
    id,
    tenant: 'local',
    project: 'shop',
    domain: '127.0.0.1:4711',
    method: 'POST',
    path: '/v1/messages?beta=true',
    httpVersion: '1.1',
    headers: [...turn.headers, ['content-length', String(turn.body.length)]],
    credential: { kind: 'bearer', fingerprint: 'f'.repeat(64) },
    redactions: [{ path: 'requestHeaders.authorization', kind: 'credential' }],
  };
  const end: EndFrame = { reason: 'complete', error: null, requestBodyNote: null };
  const headAt = turn.at + 850;
  const responseHead = { status: 200, statusText: 'OK', headers: turn.responseHeaders, ours: false };
  // The proxy's clock counts whole milliseconds.
  const chunks = turn.stream.map(({ bytes, afterMs }) =>
    encodeFrame(FrameKind.chunk, Math.floor(headAt + afterMs), bytes),
  );
  const endAt = Math.ceil(headAt + (turn.stream.at(-1)?.afterMs ?? 0));
  return {
    id,
    bytes: Buffer.concat([
      encodeFrame(FrameKind.requestHead, turn.at, json(head)),
      encodeFrame(FrameKind.requestBody, turn.at, turn.body),
      encodeFrame(FrameKind.responseHead, headAt, json(responseHead)),
      ...chunks,
      encodeFrame(FrameKind.end, endAt, json(end)),
    ]),
  };
}

/** Thinking with its signature, a few words, and (four times of five) a call. */
function answerOf(index: number, random: RandomText): Record<string, unknown>[] {
  const thinking = {
    type: 'thinking',
    thinking: random.prose(random.between(150, 900)),
    // Base64, as the API's are.
    signature: random.token(4 * random.between(70, 150)),
  };
  const text = { type: 'text', text: random.prose(random.between(80, 500)) };
  if (index % 5 === 4) return [thinking, text];
  const path = `/home/user/shop/src/${random.token(4).toLowerCase()}/file-${String(index % 17)}.ts`;
  const content = random.number() < 0.4 ? { content: random.source(random.between(300, 2200)) } : {};
  const name = `Tool${String(random.between(0, 19))}`;
  return [
    thinking,
    text,
    { type: 'tool_use', id: `toolu_01${random.token(22)}`, name, input: { path, ...content } },
  ];
}

/** What comes next from the client: the result of the call, or the user's next words. */
function asked(
  answer: Record<string, unknown>[],
  index: number,
  random: RandomText,
): { role: string; content: Record<string, unknown>[] } {
  const call = answer.find((block) => block['type'] === 'tool_use');
  if (call === undefined) {
    return { role: 'user', content: [{ type: 'text', text: random.prose(random.between(60, 700)) }] };
  }
  const length = 2000 + Math.floor(random.number() ** 2.6 * 6000);
  const result = { tool_use_id: call['id'], type: 'tool_result', content: random.source(length) };
  if (index % 6 !== 5) return { role: 'user', content: [result] };
  const reminder = `<system-reminder>\n${random.prose(300)}\n</system-reminder>`;
  return { role: 'user', content: [result, { type: 'text', text: reminder }] };
}

function bodyOf(
  messages: { role: string; content: Record<string, unknown>[] }[],
  system: unknown,
  tools: unknown,
  session: string,
): Buffer {
  const newest = messages.at(-1)!;
  const content = newest.content.map((block, index) =>
    index === newest.content.length - 1 ? { ...block, ...MARK } : block,
  );
  return json({
    model: 'claude-opus-5-5',
    messages: [...messages.slice(0, -1), { ...newest, content }],
    system,
    tools,
    metadata: {
      user_id: JSON.stringify({ device_id: 'd'.repeat(64), account_uuid: '', session_id: session }),
    },
    max_tokens: 64_000,
    thinking: { type: 'adaptive' },
    context_management: { edits: [{ type: 'clear_thinking_20251015', keep: 'all' }] },
    stream: true,
  });
}

function requestHeaders(session: string): [string, string][] {
  return [
    ['accept', 'application/json'],
    ['anthropic-beta', 'claude-code-20250219,interleaved-thinking-2025-05-14,context-management-2025-06-27'],
    ['anthropic-dangerous-direct-browser-access', 'true'],
    ['anthropic-version', '2023-06-01'],
    ['authorization', '[redacted]'],
    ['content-type', 'application/json'],
    ['user-agent', 'claude-cli/2.1.330 (external, cli)'],
    ['x-app', 'cli'],
    ['x-claude-code-session-id', session],
    ['x-stainless-lang', 'js'],
    ['x-stainless-retry-count', '0'],
    ['x-stainless-runtime', 'node'],
    ['x-stainless-timeout', '600'],
    ['accept-encoding', 'br, gzip, deflate'],
    ['host', '127.0.0.1:4711'],
  ];
}

/** The API's own; four or five of them change with every answer. */
function responseHeaders(at: number, random: RandomText): [string, string][] {
  const share = (): string => (random.between(1, 99) / 100).toFixed(2);
  const id = random.token(22);
  return [
    ['date', new Date(at).toUTCString()],
    ['content-type', 'text/event-stream; charset=utf-8'],
    ['transfer-encoding', 'chunked'],
    ['connection', 'keep-alive'],
    ['cache-control', 'no-cache'],
    ['anthropic-ratelimit-unified-status', 'allowed'],
    ['anthropic-ratelimit-unified-5h-status', 'allowed'],
    ['anthropic-ratelimit-unified-5h-reset', String(Math.ceil(at / 18e6) * 18e3)],
    ['anthropic-ratelimit-unified-5h-utilization', share()],
    ['anthropic-ratelimit-unified-7d-status', 'allowed'],
    ['anthropic-ratelimit-unified-7d-reset', String(Math.ceil(at / 6048e5) * 6048e2)],
    ['anthropic-ratelimit-unified-7d-utilization', share()],
    ['anthropic-ratelimit-unified-representative-claim', 'five_hour'],
    ['anthropic-ratelimit-unified-reset', String(Math.ceil(at / 18e6) * 18e3)],
    ['request-id', `req_01${id}`],
    ['strict-transport-security', 'max-age=31536000; includeSubDomains; preload'],
    ['anthropic-organization-id', '00000000-1111-4222-8333-444444444444'],
    ['x-envoy-upstream-service-time', String(random.between(600, 2900))],
    ['cf-cache-status', 'DYNAMIC'],
    ['x-robots-tag', 'none'],
    ['server', 'cloudflare'],
    ['cf-ray', `${random.token(16).toLowerCase()}-FRA`],
  ];
}

function sessionId(random: RandomText): string {
  const hex = (length: number): string =>
    Array.from({ length }, () => random.between(0, 15).toString(16)).join('');
  return `${hex(8)}-${hex(4)}-4${hex(3)}-8${hex(3)}-${hex(12)}`;
}

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
