import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { chunk, open, post, rawTalk, reply, setUp, streamHead } from '../support/forwarding.ts';
import { eventually } from '../support/proxy-target.ts';
import { replyHead } from '../support/raw-http.ts';

describe('odd corners of HTTP', () => {
  it.each([
    ['HEAD', 200, ['Content-Length', '1234', 'ETag', '"x"']],
    ['GET', 204, ['request-id', 'req_1']],
    ['GET', 304, ['ETag', '"x"', 'Content-Length', '1234']],
  ] as const)('passes a bodiless answer to %s with %i', async (method, status, rawHeaders) => {
    const { target, client } = await setUp(() =>
      reply('', { status, reason: 'Fine', framing: 'none', rawHeaders: [...rawHeaders] }),
    );
    const request = { method, target: '/v1/models', rawHeaders: [], body: null, framing: 'length' as const };
    for (const _ of [1, 2]) {
      const response = await client.send(target.baseUrl, request);
      expect(response).toMatchObject({ status, reason: 'Fine', complete: true });
      expect(response.rawHeaders).toEqual(expect.arrayContaining([...rawHeaders]));
      expect(response.rawHeaders).not.toContain('Transfer-Encoding');
      expect(response.body).toHaveLength(0);
    }
  });

  it('answers an own failure to HEAD without a body', async () => {
    const { target, client } = await setUp(() => null, { timeoutMs: 20 });
    const request = {
      method: 'HEAD',
      target: '/api/hello',
      rawHeaders: [],
      body: null,
      framing: 'length' as const,
    };
    expect(await client.send(target.baseUrl, request)).toMatchObject({ status: 504, complete: true });
  });

  it('answers 100-continue itself and does not send Expect on', async () => {
    const { target, upstream } = await setUp(() => reply('data: ok\n\n'));
    const outgoing = httpRequest(`${target.baseUrl}/v1/messages`, {
      method: 'POST',
      headers: { expect: '100-continue', 'content-length': 2 },
    });
    outgoing.flushHeaders();
    await once(outgoing, 'continue');
    outgoing.end('{}');
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    expect(response.statusCode).toBe(200);
    response.resume();
    expect(upstream.requests[0]?.rawHeaders.map((text) => text.toLowerCase())).not.toContain('expect');
  });

  it('forwards trailers, and takes the announcement out where none can follow', async () => {
    const { target, client } = await setUp((request) =>
      reply('body', {
        rawHeaders: ['Trailer', 'X-Checksum'],
        framing: request.target === '/chunked' ? 'chunked' : 'length',
        rawTrailers: ['X-Checksum', 'abc'],
      }),
    );
    const chunked = await client.send(target.baseUrl, post('', { target: '/chunked' }));
    expect(chunked.rawTrailers).toEqual(['X-Checksum', 'abc']);
    expect(chunked.rawHeaders).toContain('Trailer');
    const whole = await client.send(target.baseUrl, post('', { target: '/whole' }));
    expect(whole.complete).toBe(true);
    expect(whole.rawHeaders).not.toContain('Trailer');
  });

  it('sends an upgrade request on as a plain one', async () => {
    const { target, upstream } = await setUp(() => reply('no', { status: 426, reason: 'Upgrade Required' }));
    const request =
      'GET /v1/socket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Kept: 1\r\n\r\n';
    const seen = await rawTalk(target.baseUrl, request, (text) => text.includes('0\r\n\r\n'));
    expect(seen).toContain('HTTP/1.1 426 Upgrade Required');
    const names = upstream.requests[0]?.rawHeaders.map((text) => text.toLowerCase());
    expect(names).toContain('x-kept');
    expect(names).not.toContain('upgrade');
  });

  it('answers pipelined requests in their order, each exchange by itself', async () => {
    const held: (() => void)[] = [];
    const { target } = await setUp((request, socket) => {
      const answer = (): void => {
        socket.write(replyHead(reply(request.target, { framing: 'length' })) + request.target);
      };
      // The first waits for the second to be answered.
      if (request.target === '/first') held.push(answer);
      else answer();
      return null;
    });
    const requests = ['/first', '/second'].map((path) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`).join('');
    const talk = rawTalk(target.baseUrl, requests, (text) => text.includes('/second'));
    await eventually(() => held.length === 1 && target.journaled().some((seen) => seen.end !== null));
    held[0]?.();
    const seen = await talk;
    expect(seen.indexOf('/first')).toBeGreaterThan(0);
    expect(seen.indexOf('/first')).toBeLessThan(seen.indexOf('/second'));
  });

  it('does not follow redirects', async () => {
    const rawHeaders = ['Location', 'http://127.0.0.1:1/elsewhere'];
    const { target, upstream, client } = await setUp(() =>
      reply('', { status: 307, reason: 'Moved', rawHeaders }),
    );
    const response = await client.send(target.baseUrl, post('{}', { rawHeaders: ['x-api-key', 'made-up'] }));
    expect(response.status).toBe(307);
    expect(response.rawHeaders).toEqual(expect.arrayContaining(rawHeaders));
    expect(upstream.requests).toHaveLength(1);
  });

  it('refuses what is no path, and asks for the path key', async () => {
    const { target, upstream } = await setUp(() => reply(''), { pathKey: 'a-made-up-path-key' });
    const ask = (line: string): Promise<string> =>
      rawTalk(target.baseUrl, `${line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`, () => false);
    expect(await ask('GET http://elsewhere.example/v1/messages')).toMatch(
      /^HTTP\/1\.1 400 .*invalid_request_error/s,
    );
    for (const path of ['/v1/messages', '/k/wrong/v1/messages', '/k//v1/messages']) {
      const seen = await ask(`GET ${path}`);
      expect(seen).toMatch(/^HTTP\/1\.1 401 /);
      expect(seen).toContain('authentication_error');
      expect(seen).toMatch(/www-authenticate: bearer/i);
    }
    expect(upstream.requests).toHaveLength(0);
    expect(target.journaled()).toHaveLength(0);
  });
});

describe('closing', () => {
  it('lets a stream finish, ends its connection, and refuses new requests', async () => {
    let finish = (): void => undefined;
    const { target, client } = await setUp((request, socket) => {
      socket.write(streamHead);
      finish = () => socket.write(`${chunk('data: last\n\n')}0\r\n\r\n`);
      return null;
    });
    const running = await open(target.baseUrl);
    const closing = target.proxy.close(60_000);
    const refused = await client.send(target.baseUrl, post('{}'));
    expect(refused.status).toBe(503);
    expect(refused.rawHeaders).toEqual(expect.arrayContaining(['Connection', 'close']));
    finish();
    let body = '';
    for await (const piece of running) body += String(piece);
    expect(body).toBe('data: last\n\n');
    await closing;
    expect(target.journaled()).toMatchObject([{ end: { reason: 'complete' } }]);
  });

  it('cuts what is still open after the grace, and records it as cut by the shutdown', async () => {
    const { target } = await setUp((request, socket) => {
      if (request.target.includes('head')) socket.write(streamHead);
      return null;
    });
    const running = await open(target.baseUrl, '/v1/messages?head');
    const waiting = open(target.baseUrl, '/v1/messages?nothing');
    await eventually(() => target.proxy.active() === 2);
    const broken = once(running, 'error');
    await target.proxy.close(0);
    await broken;
    expect((await waiting).statusCode).toBe(503);
    (await waiting).resume();
    expect(target.proxy.active()).toBe(0);
    expect(target.journaled().map((exchange) => exchange.end?.reason)).toEqual(['shutdown', 'shutdown']);
  });
});
