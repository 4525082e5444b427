import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterEach } from 'vitest';
import { startProxyTarget, type ProxyTarget, type ProxyTargetOptions } from './proxy-target.ts';
import {
  createRawClient,
  replyHead,
  startRawUpstream,
  type ClientRequest,
  type RawReply,
  type RawRequest,
  type RawUpstream,
} from './raw-http.ts';

/** What the tests of forwarding share: an upstream, the proxy room and a client, closed after each test. */

/** Undone after the test, last first. */
export const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

export type Answer = (request: RawRequest, socket: Socket) => RawReply | null;

/** An upstream with these answers, the proxy in front of it, and a client. */
export async function setUp(
  answer: Answer,
  options: ProxyTargetOptions = {},
  onSocket?: (socket: Socket) => void,
): Promise<{ upstream: RawUpstream; target: ProxyTarget; client: ReturnType<typeof createRawClient> }> {
  const upstream = await startRawUpstream(answer, onSocket);
  cleanups.push(() => upstream.close());
  const target = await startProxyTarget(upstream.url, options);
  cleanups.push(() => target.close());
  const client = createRawClient();
  cleanups.push(() => {
    client.close();
  });
  return { upstream, target, client };
}

export const post = (body: string | Buffer, more: Partial<ClientRequest> = {}): ClientRequest => ({
  method: 'POST',
  target: '/v1/messages',
  rawHeaders: ['Content-Type', 'application/json'],
  body: Buffer.from(body),
  framing: 'length',
  ...more,
});
export const reply = (body: string | Buffer, more: Partial<RawReply> = {}): RawReply => ({
  status: 200,
  reason: 'OK',
  rawHeaders: ['Content-Type', 'text/event-stream'],
  framing: 'chunked',
  body: Buffer.from(body),
  ...more,
});
export const streamHead = replyHead(reply('', { framing: 'chunked' }));
/** One chunk of a chunked body. */
export const chunk = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;

/** Opens a request by hand and resolves with the response while it is still running. */
export function open(baseUrl: string, path = '/v1/messages', body = '{}'): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(`${baseUrl}${path}`, { method: 'POST' }, resolve);
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** Sends bytes on a connection of its own and resolves with all that comes back until the other side ends it. */
export async function rawTalk(
  baseUrl: string,
  bytes: string,
  enough: (seen: string) => boolean,
): Promise<string> {
  const url = new URL(baseUrl);
  const socket = connect(Number(url.port), url.hostname);
  cleanups.push(() => {
    socket.destroy();
  });
  let seen = '';
  socket.setEncoding('latin1');
  socket.write(bytes, 'latin1');
  for await (const piece of socket) {
    seen += String(piece);
    if (enough(seen)) break;
  }
  return seen;
}

/** An error in Anthropic's shape. */
export const errorOf = (body: Buffer): { type: string; error: { type: string; message: string } } =>
  JSON.parse(body.toString()) as { type: string; error: { type: string; message: string } };
