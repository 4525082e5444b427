import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Agent, type Dispatcher } from 'undici';
import { describe, expect, it } from 'vitest';
import { chunk, cleanups, errorOf, open, post, reply, setUp, streamHead } from '../support/forwarding.ts';
import { eventually, startProxyTarget } from '../support/proxy-target.ts';
import { createRawClient, replyHead, startRawUpstream } from '../support/raw-http.ts';

describe('endings', () => {
  it('aborts the upstream at once when the client goes, and records what had arrived', async () => {
    const closed: Promise<unknown>[] = [];
    const { target } = await setUp((_request, socket) => {
      closed.push(once(socket, 'close'));
      socket.write(streamHead + chunk('data: one\n\n'));
      return null;
    });
    const response = await open(target.baseUrl);
    await once(response, 'data');
    response.destroy();
    await closed[0];
    await eventually(() => target.proxy.active() === 0);
    const [exchange] = target.journaled();
    expect(exchange?.responseBody.toString()).toBe('data: one\n\n');
    expect(exchange?.end?.reason).toBe('client-aborted');
  });

  it('never sends a request whose client left while it was being uploaded', async () => {
    const { target, upstream } = await setUp(() => reply(''));
    const url = new URL(target.baseUrl);
    const socket = connect(Number(url.port), url.hostname);
    socket.write('POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf');
    await eventually(() => target.proxy.active() === 1);
    socket.destroy();
    await eventually(() => target.proxy.active() === 0);
    expect(upstream.requests).toHaveLength(0);
    expect(target.journaled()[0]?.end?.reason).toBe('client-aborted');
  });

  it('breaks off for the client where the upstream broke off, with every byte before that', async () => {
    const { target, client } = await setUp((_request, socket) => {
      socket.end(streamHead + chunk('data: one\n\n') + chunk('data: two\n\n'));
      return null;
    });
    const response = await client.send(target.baseUrl, post('{}'));
    expect(response.status).toBe(200);
    expect(response.complete).toBe(false);
    expect(response.body.toString()).toBe('data: one\n\ndata: two\n\n');
    const [exchange] = target.journaled();
    expect(exchange?.end).toMatchObject({
      reason: 'upstream-error',
      error: { code: 'upstream_unreachable' },
    });
    expect(exchange?.responseBody.toString()).toBe('data: one\n\ndata: two\n\n');
  });

  it('answers 504 when no head comes in time', async () => {
    const { target, client } = await setUp(() => null, { timeoutMs: 40 });
    const response = await client.send(target.baseUrl, post('{}'));
    expect(response.status).toBe(504);
    expect(errorOf(response.body)).toMatchObject({ type: 'error', error: { type: 'timeout_error' } });
    expect(errorOf(response.body).error.message).toContain('CLAUDE_API_TIMEOUT');
    const [exchange] = target.journaled();
    expect(exchange?.responseHead).toMatchObject({ status: 504, ours: true });
    expect(exchange?.end?.error?.code).toBe('upstream_timeout');
  });

  it('gives up a stream that falls silent, and not one that keeps talking', async () => {
    const { target, client } = await setUp(
      (request, socket) => {
        socket.write(streamHead + chunk('data: one\n\n'));
        if (request.target.endsWith('silent')) return null;
        let left = 20;
        const timer = setInterval(() => {
          socket.write(chunk('data: more\n\n'));
          if (--left > 0) return;
          clearInterval(timer);
          socket.write('0\r\n\r\n');
        }, 100);
        return null;
      },
      // Fifteen times the gap between two pieces, and less than all of them together.
      { timeoutMs: 1500 },
    );
    const talking = await client.send(target.baseUrl, post('{}', { target: '/v1/messages?talking' }));
    expect(talking.complete).toBe(true);
    const silent = await client.send(target.baseUrl, post('{}', { target: '/v1/messages?silent' }));
    expect(silent.complete).toBe(false);
    expect(silent.body.toString()).toBe('data: one\n\n');
    expect(target.journaled()[1]?.end).toMatchObject({ error: { code: 'upstream_timeout' } });
  });

  it('tries an upstream that refuses connections three times, then answers 502', async () => {
    const closed = await startRawUpstream(() => null);
    await closed.close();
    const agent = new Agent();
    let tries = 0;
    const counting = Object.assign(Object.create(agent) as Agent, {
      dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
        tries++;
        return agent.dispatch(options, handler);
      },
    });
    cleanups.push(() => agent.destroy());
    const target = await startProxyTarget(closed.url, { dispatcher: counting });
    cleanups.push(() => target.close());
    const client = createRawClient();
    const response = await client.send(target.baseUrl, post('{}'));
    client.close();
    expect(response.status).toBe(502);
    expect(errorOf(response.body).error).toMatchObject({ type: 'api_error' });
    expect(errorOf(response.body).error.message).toMatch(/ECONNREFUSED.*CLAUDE_API_BASE_URL/s);
    expect(tries).toBe(3);
    expect(target.journaled()[0]?.end?.error?.code).toBe('upstream_unreachable');
  });

  it('repeats once a request whose kept-alive connection was closed under it', async () => {
    const served = new WeakSet<Socket>();
    const { target, upstream, client } = await setUp((_request, socket) => {
      if (served.has(socket)) {
        socket.destroy();
        return null;
      }
      served.add(socket);
      return reply('data: here\n\n');
    });
    for (const n of [1, 2]) {
      const response = await client.send(target.baseUrl, post(`{"n":${String(n)}}`));
      expect(response.status).toBe(200);
      expect(response.body.toString()).toBe('data: here\n\n');
    }
    expect(upstream.requests.map(({ body }) => body.toString())).toEqual(['{"n":1}', '{"n":2}', '{"n":2}']);
    expect(target.journaled()).toHaveLength(2);
  });

  it('does not repeat a request that a new connection dropped', async () => {
    const { target, upstream, client } = await setUp((_request, socket) => {
      socket.destroy();
      return null;
    });
    const response = await client.send(target.baseUrl, post('{}'));
    expect(response.status).toBe(502);
    expect(upstream.requests).toHaveLength(1);
  });
});

describe('sizes', () => {
  it.each(['length', 'chunked'] as const)(
    'answers 413 for a message over the limit (%s)',
    async (framing) => {
      const { target, upstream, client } = await setUp(() => reply(''), { bodyLimit: 1000 });
      const response = await client.send(target.baseUrl, post('x'.repeat(300_000), { framing }));
      expect(response.status).toBe(413);
      expect(errorOf(response.body)).toMatchObject({ type: 'error', error: { type: 'request_too_large' } });
      expect(upstream.requests).toHaveLength(0);
      expect(target.journaled()[0]).toMatchObject({ responseHead: { status: 413, ours: true } });
      const next = await client.send(target.baseUrl, post('{}'));
      expect(next.status).toBe(200);
    },
  );

  it('streams other bodies whatever their size, and records size and hash beyond the limit', async () => {
    const { target, upstream, client } = await setUp(() => reply('{}'), {
      bodyLimit: 1000,
      recordLimit: 5000,
    });
    const small = Buffer.alloc(5000, 'a');
    const large = Buffer.alloc(3_000_000, 'b');
    await client.send(target.baseUrl, post(small, { target: '/v1/files' }));
    await client.send(target.baseUrl, post(large, { target: '/v1/files', framing: 'chunked' }));
    expect(upstream.requests.map(({ body }) => body.length)).toEqual([5000, 3_000_000]);
    const [first, second] = target.journaled();
    expect(first?.requestBody.equals(small)).toBe(true);
    expect(first?.end?.requestBodyNote).toBeNull();
    expect(second?.requestBody).toHaveLength(0);
    const sha256 = createHash('sha256').update(large).digest('hex');
    expect(second?.end?.requestBodyNote).toEqual({ size: 3_000_000, sha256 });
  });

  it('passes a large download, and records its size and hash beyond the limit', async () => {
    const large = Buffer.alloc(1_000_000, 'c');
    const answer = (request: { target: string }): ReturnType<typeof reply> =>
      reply(large, {
        framing: request.target.endsWith('whole') ? 'length' : 'chunked',
        cuts: [3000, 500_000],
      });
    const { target, client } = await setUp(answer, { recordLimit: 5000 });
    for (const path of ['/v1/files/whole', '/v1/files/chunked', '/v1/messages']) {
      const response = await client.send(target.baseUrl, post('{}', { target: path }));
      expect(response.body.equals(large)).toBe(true);
    }
    const note = { size: large.length, sha256: createHash('sha256').update(large).digest('hex') };
    const [whole, chunked, message] = target.journaled();
    expect(whole?.end?.responseBodyNote).toEqual(note);
    expect(whole?.responseBody).toHaveLength(0);
    expect(chunked?.end?.responseBodyNote).toEqual(note);
    expect(chunked?.responseBody.length).toBeLessThanOrEqual(5000);
    expect(message?.end?.responseBodyNote).toBeUndefined();
    expect(message?.responseBody.equals(large)).toBe(true);
  });

  it.each([
    ['of a known length', (total: number) => ['Content-Length', String(total)]],
    // undici's parser would end the process here when the connection ends while it is held back.
    ['that ends with its connection', () => ['Connection', 'close']],
  ])('holds a fast upstream back for a slow client, with a body %s', async (_name, headersFor) => {
    const total = 96 * 1024 * 1024;
    let sent = 0;
    const { target } = await setUp((_request, socket) => {
      socket.write(replyHead(reply('', { framing: 'none', rawHeaders: headersFor(total) })));
      const pump = (): void => {
        while (sent < total) {
          const piece = Buffer.alloc(64 * 1024, sent >> 16);
          sent += piece.length;
          if (!socket.write(piece)) {
            socket.once('drain', pump);
            return;
          }
        }
        if (headersFor(total).includes('close')) socket.end();
      };
      pump();
      return null;
    });
    const response = await open(target.baseUrl, '/v1/files');
    for (let last = -1; last !== sent;) {
      last = sent;
      for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
    }
    expect(sent).toBeLessThan(total);
    let received = 0;
    for await (const piece of response) received += (piece as Buffer).length;
    expect(received).toBe(total);
  });

  it('lets an upstream answer before it has read the request', async () => {
    const { target, client } = await setUp(
      (request) => reply(String(request.body.length)),
      {},
      (socket) => {
        socket.once('data', (first) => {
          if (!first.includes('/early')) return;
          socket.pause();
          socket.end(replyHead(reply('no', { status: 403, reason: 'Forbidden', framing: 'close' })) + 'no');
        });
      },
    );
    const response = await client.send(target.baseUrl, post(Buffer.alloc(2_000_000), { target: '/early' }));
    expect(response.status).toBe(403);
    expect(response.body.toString()).toBe('no');
    const next = await client.send(target.baseUrl, post('after', { target: '/late' }));
    expect(next.body.toString()).toBe('5');
  });
});
