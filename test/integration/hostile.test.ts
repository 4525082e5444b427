import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openListener } from '../../src/sidecar/listener.ts';
import { reply } from '../support/forwarding.ts';
import { hostileRequests, http } from '../support/hostile-requests.ts';
import { startRawUpstream, type RawUpstream } from '../support/raw-http.ts';
import { startSidecar, type TestSidecar } from '../support/sidecar.ts';

let upstream: RawUpstream;
let sidecar: TestSidecar;
let port = 0;
beforeAll(async () => {
  upstream = await startRawUpstream(() => reply('{}', { framing: 'length' }));
  sidecar = await startSidecar({ upstream: upstream.url });
  port = Number(new URL(sidecar.url).port);
});
afterAll(async () => {
  await sidecar.remove();
  await upstream.close();
});

/** Sends the bytes and gives back all that comes until the connection ends. */
async function talk(toPort: number, bytes: string): Promise<string> {
  const socket = connect(toPort, '127.0.0.1');
  // A connection that is cut while we write is an end like any other.
  socket.on('error', () => undefined);
  socket.setEncoding('latin1');
  let seen = '';
  socket.on('data', (text: string) => (seen += text));
  socket.write(bytes, 'latin1');
  await new Promise((resolve) => socket.on('close', resolve));
  return seen;
}

const statuses = (seen: string): number[] =>
  [...seen.matchAll(/HTTP\/1\.1 (\d{3}) /g)]
    .map(([, status]) => Number(status))
    .filter((status) => status !== 100);

test('there are enough of them, each with a name of its own', () => {
  expect(hostileRequests.length).toBeGreaterThanOrEqual(60);
  expect(new Set(hostileRequests.map(({ name }) => name)).size).toBe(hostileRequests.length);
});

test.each(hostileRequests)('$name', async ({ bytes, answers, orCut = false, forwarded = [] }) => {
  const before = upstream.requests.length;
  const seen = await talk(port, bytes({ port, token: sidecar.token }));
  const expected = answers === 'closed' || (orCut && seen === '') ? [] : answers;
  expect(statuses(seen)).toEqual(expected);
  expect(upstream.requests.slice(before).map(({ target }) => target)).toEqual(forwarded);
  // Nothing of what the control API knows, and nothing a page of somebody else's might read.
  expect(seen).not.toContain('uptimeMs');
  expect(seen.toLowerCase()).not.toContain('access-control-');
});

test('33 MB that come in chunks, without a word how many', async () => {
  const before = upstream.requests.length;
  const piece = `${(1024 * 1024).toString(16)}\r\n${'x'.repeat(1024 * 1024)}\r\n`;
  const head = http({ method: 'POST', target: '/v1/messages', lines: ['Transfer-Encoding: chunked'] });
  const seen = await talk(port, `${head({ port, token: '' })}${piece.repeat(33)}0\r\n\r\n`);
  expect(statuses(seen)).toEqual([413]);
  expect(upstream.requests.length).toBe(before);
});

test('many headers are not too many, and none is lost', async () => {
  const before = upstream.requests.length;
  const lines = Array.from({ length: 3000 }, (_, n) => `h${String(n)}: ${String(n)}`);
  const request = http({ target: '/v1/many', lines: [...lines, 'x-api-key: sk-ant-made-up'] });
  expect(statuses(await talk(port, request({ port, token: '' })))).toEqual([200]);
  const [seen] = upstream.requests.slice(before);
  expect(seen?.rawHeaders.filter((_, index) => index % 2 === 0)).toEqual(
    expect.arrayContaining(['h0', 'h2999', 'x-api-key']),
  );
});

test('none of them has hurt the sidecar', async () => {
  const answer = await sidecar.api('/api/status');
  expect(answer.status).toBe(200);
  expect(sidecar.process.exitCode).toBeNull();
});

describe('those who take their time', () => {
  test('a head that does not end', async () => {
    let reached = 0;
    const listener = await openListener({
      host: '127.0.0.1',
      port: 0,
      idleMs: 60_000,
      headersMs: 50,
      handle: () => reached++,
    });
    const seen = await talk(listener.port, 'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ');
    expect(statuses(seen)).toEqual([408]);
    expect(reached).toBe(0);
    await listener.close();
  });

  test('a body that does not end', async () => {
    const slow = await startSidecar({ upstream: upstream.url, env: { PROXY_SERVER_TIMEOUT: '200' } });
    try {
      const before = upstream.requests.length;
      const slowPort = Number(new URL(slow.url).port);
      const head = http({ method: 'POST', target: '/v1/messages', lines: ['Content-Length: 10'], body: '{' });
      expect(await talk(slowPort, head({ port: slowPort, token: '' }))).toBe('');
      expect(upstream.requests.length).toBe(before);
    } finally {
      await slow.remove();
    }
  });
});
