import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { expect } from 'vitest';
import { Planter, type Planted } from './planted.ts';
import { rawRequest } from './raw-request.ts';
import type { TestSidecar } from './sidecar.ts';

type Answer = (response: ServerResponse) => void | Promise<void>;

export interface ScriptedUpstream {
  url: string;
  next: (answer: Answer) => void;
  close(): Promise<void>;
}

/** An upstream that answers every request with what the test has said before. */
export async function scriptedUpstream(): Promise<ScriptedUpstream> {
  let answer: Answer = (response) => {
    response.end();
  };
  const server = createServer((request: IncomingMessage, response) => {
    request.resume().on('end', () => void answer(response));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.closeAllConnections();
      server.close(() => {
        resolve();
      });
    });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${String(port)}`, next: (given) => (answer = given), close };
}

const event = (type: string, data: object): string =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;
const delta = (index: number, value: object): string => event('content_block_delta', { index, delta: value });
const start = (index: number, block: object): string =>
  event('content_block_start', { index, content_block: block });
const messageStart = event('message_start', {
  message: {
    id: 'msg_made_up',
    type: 'message',
    role: 'assistant',
    model: 'claude-x',
    content: [],
    usage: {},
  },
});

/** Writes each part by itself, so that they arrive as chunks of their own. */
async function write(response: ServerResponse, parts: (string | Buffer)[]): Promise<void> {
  for (const part of parts) {
    await new Promise((resolve) => response.write(part, resolve));
    await new Promise((resolve) => setImmediate(resolve));
  }
  response.end();
}

/** The text in pieces of a few characters. */
const pieces = (text: string, size = 5): string[] =>
  text.match(new RegExp(`[^]{1,${String(size)}}`, 'g')) ?? [];

interface Traffic {
  /** Anything but the own keys. */
  planted: Planted[];
  own: Planted[];
  /** What is no secret and must be found. */
  markers: string[];
  count: number;
}

/** Sends secrets of every kind every way there is, and finds out that the client got its answers unchanged. */
export async function sendSecrets(sidecar: TestSidecar, up: ScriptedUpstream): Promise<Traffic> {
  const p = new Planter('any');
  const o = new Planter('own');
  const pathKey = /\/k\/([^/]+)/.exec(sidecar.baseUrl)![1]!;
  o.all.push({ name: 'the token', secret: sidecar.token, needle: sidecar.token });
  o.all.push({ name: 'the path key', secret: pathKey, needle: pathKey });
  const clientKey = (name: string): string => o.plant(name, 'cnp_live_', 43);
  const markers = [
    'marker-in-a-request',
    'marker-in-a-stream',
    'marker-in-gzip',
    'marker-in-a-header',
    'marker-in-a-url',
  ];
  let count = 0;
  const send = async (
    path: string,
    body: unknown,
    answer: Answer,
    headers: Record<string, string> = {},
  ): Promise<string> => {
    up.next(answer);
    count++;
    const response = await fetch(sidecar.baseUrl + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    return await response.text().catch(() => '');
  };
  const ask = (content: unknown, stream = false): object => ({
    model: 'claude-opus-x',
    max_tokens: 9,
    stream,
    metadata: { user_id: 'made up' },
    messages: [{ role: 'user', content }],
  });
  const ok: Answer = (response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ id: 'msg_1', type: 'message', role: 'assistant', content: [] }));
  };

  // Headers both ways, and the URL.
  await send(
    `/v1/messages?access_token=${p.plant('query access_token')}&beta=true&x=${p.plant('query value', 'xoxb-')}&api_key=${p.plant('query api_key')}`,
    ask('headers'),
    (response) => {
      response.writeHead(200, {
        'content-type': 'application/json',
        'set-cookie': `session=${p.plant('response cookie')}`,
        'x-auth-token': p.plant('response token header'),
        'x-debug': `was Bearer ${p.plant('response header value')} and ${clientKey('client key in a response header')}`,
        'x-own': sidecar.token,
        location: `https://me:${p.plant('URL in a response header')}@host.example/`,
      });
      response.end('{"type":"message","content":[]}');
    },
    {
      authorization: `Bearer ${p.plant('authorization', 'sk-ant-oat01-', 60)}`,
      'x-api-key': p.plant('x-api-key', 'sk-ant-api03-', 60),
      cookie: `a=${p.plant('cookie')}`,
      'x-goog-api-key': p.plant('x-goog-api-key', 'AIza', 35),
      'x-note': `${p.plant('request header value', 'ghp_', 36)} ${clientKey('client key in a header')} marker-in-a-header`,
      'user-agent': `made-up (https://me:${p.plant('URL in user-agent')}@host.example)`,
    },
  );
  await send(
    `/v1/marker-in-a-url/${p.plant('path segment', 'sk-ant-')}/${clientKey('client key in a path')}/x`,
    '{}',
    ok,
  );

  // JSON bodies; the first words make titles and previews.
  await send(
    '/v1/messages',
    ask(`${p.plant('first words of a request', 'ghp_', 36)} marker-in-a-request`),
    ok,
  );
  const listed = [
    p.plant('github_pat_', 'github_pat_', 40),
    p.aws('AWS key'),
    `aws_secret_access_key=${p.plant('AWS secret', '', 40)}`,
    p.pem('PEM'),
    JSON.stringify({ nested: { pem: p.pem('PEM in JSON text') } }),
    p.plant('Stripe', `sk_live_`, 24),
    p.plant('npm', 'npm_', 36),
    p.jwt('JWT'),
    `postgresql://me:${p.plant('database URL')}@host/db`,
    p.plant('OpenAI', 'sk-proj-', 48),
    `curl -H "Authorization: Bearer ${p.plant('Bearer in a command')}"`,
    clientKey('client key in a body'),
    sidecar.token,
    pathKey,
  ];
  await send(
    '/v1/messages',
    {
      ...ask([{ type: 'text', text: listed.join('\n') }]),
      system: `use ${p.plant('system prompt', 'glpat-', 20)}`,
      tools: [{ name: 'x', description: p.plant('a tool', 'hf_', 34) }],
    },
    ok,
  );

  // Streams: over deltas, in an input, in thinking, in a sub-agent's prompt, and cut by chunks.
  const spoken = `I use ${p.plant('spoken', 'sk-ant-api03-', 60)}, ${clientKey('client key spoken')} and ${sidecar.token} marker-in-a-stream`;
  const thought = `hm ${p.plant('thought', 'xoxp-', 40)} hm`;
  const input = {
    prompt: `Look up ${p.plant('prompt of a sub-agent', 'ghs_', 36)} with ${pathKey}`,
    description: 'x',
  };
  const streamed = [
    messageStart,
    start(0, { type: 'thinking', thinking: '', signature: '' }),
    ...pieces(thought).map((text) => delta(0, { type: 'thinking_delta', thinking: text })),
    event('content_block_stop', { index: 0 }),
    start(1, { type: 'text', text: '' }),
    ...pieces(spoken).map((text) => delta(1, { type: 'text_delta', text })),
    event('content_block_stop', { index: 1 }),
    start(2, { type: 'tool_use', id: 'toolu_made_up', name: 'Agent', input: {} }),
    ...pieces(JSON.stringify(input)).map((text) =>
      delta(2, { type: 'input_json_delta', partial_json: text }),
    ),
    event('content_block_stop', { index: 2 }),
    event('message_stop', {}),
  ].join('');
  const asStream: Record<string, string> = { 'content-type': 'text/event-stream' };
  const got = await send('/v1/messages', ask('a stream', true), (response) => {
    response.writeHead(200, asStream);
    return write(response, pieces(streamed, 700));
  });
  expect(got).toBe(streamed);
  const whole = delta(0, {
    type: 'text_delta',
    text: `${p.plant('cut by a chunk', 'AIza', 35)} ${clientKey('client key cut by a chunk')} ${sidecar.token}`,
  });
  const cut = [messageStart, start(0, { type: 'text', text: '' }), whole, event('message_stop', {})].join('');
  await send('/v1/messages', ask('cut', true), (response) => {
    response.writeHead(200, asStream);
    return write(response, pieces(cut, 11));
  });

  // Compressed.
  const compressed = { gzip: gzipSync, br: brotliCompressSync, zstd: zstdCompressSync };
  for (const [encoding, compress] of Object.entries(compressed)) {
    const text = `marker-in-${encoding} ${p.plant(encoding, 'sk-ant-', 40)} ${clientKey(`client key in ${encoding}`)} ${sidecar.token}`;
    await send('/v1/messages', ask(encoding), (response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': encoding });
      response.end(
        compress(Buffer.from(JSON.stringify({ type: 'message', content: [{ type: 'text', text }] }))),
      );
    });
  }
  // Broken off in the middle, and of a kind nobody knows.
  const half = gzipSync(Buffer.from(`{"type":"message","text":"${p.plant('damaged gzip', 'sk-ant-', 40)}"}`));
  await send('/v1/messages', ask('damaged'), (response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' });
    response.end(Buffer.concat([half.subarray(0, -8), Buffer.from('damaged!')]));
  });
  await send('/v1/messages', ask('unknown'), (response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'made-up' });
    response.end(p.plant('unknown encoding', 'sk-ant-', 40));
  });

  // Failures.
  await send('/v1/messages', ask('refused'), (response) => {
    response.writeHead(401, `No ${p.plant('status text', 'ghp_', 36)}`, {
      'content-type': 'application/json',
    });
    const message = `invalid key ${p.plant('error message', 'sk-ant-', 40)} ${clientKey('client key in an error')}`;
    response.end(JSON.stringify({ type: 'error', error: { type: 'authentication_error', message } }));
  });
  await send('/v1/messages', ask('failing stream', true), (response) => {
    response.writeHead(200, asStream);
    const message = `lost ${p.plant('error event', 'sk-ant-', 40)}`;
    response.end(messageStart + event('error', { error: { type: 'api_error', message } }));
  });
  await send(
    `/v1/messages?key=${p.plant('URL of a failing request', 'sk-ant-', 40)}`,
    ask('hung up'),
    (response) => {
      response.destroy();
    },
  );

  // No JSON; token endpoints, whose secrets look like nothing; what the log is told.
  await send(
    '/v1/files',
    `--x\r\nAPI_KEY=${p.plant('no JSON', 'SG.', 22, `.${'a1'.repeat(20)}`)}\r\n--x--`,
    ok,
    {
      'content-type': 'multipart/form-data; boundary=x',
    },
  );
  await send('/v1/oauth/token', { refresh_token: p.plant('token request') }, (response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ access_token: p.plant('token response') }));
  });
  await rawRequest({
    url: sidecar.url,
    path: '/api/status',
    headers: { origin: `https://me:${p.plant('an origin that is refused and logged')}@host.example` },
  });
  return { planted: p.all, own: o.all, markers, count };
}
