import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import type { Log } from '../../src/sidecar/log.ts';
import { chunk, post, reply, setUp, streamHead } from '../support/forwarding.ts';
import { eventually } from '../support/proxy-target.ts';
import type { RawReply } from '../support/raw-http.ts';

const overloaded = (more: Partial<RawReply> = {}): RawReply =>
  reply('{"type":"error"}', { status: 529, reason: 'Overloaded', framing: 'length', ...more });
const statusRetry = { tries: 3, firstMs: 1, capMs: 50 };

/** A log that remembers which tries it was told of. */
function tryLog(): { log: Log; lines: unknown[] } {
  const lines: unknown[] = [];
  const ignore = (): void => undefined;
  const warn = (message: string, fields?: Record<string, unknown>): void => {
    lines.push([message, fields?.['status'], fields?.['tried']]);
  };
  return { log: { debug: ignore, info: ignore, warn, error: ignore }, lines };
}

/** The answers an upstream gives one after the other; the last one again and again. */
const inTurn = (...answers: RawReply[]): (() => RawReply) => {
  let next = 0;
  return () => answers[Math.min(next++, answers.length - 1)]!;
};

describe('answers that say the upstream failed', () => {
  it('are passed on unless it is asked otherwise', async () => {
    const { upstream, target, client } = await setUp(() => overloaded());
    const response = await client.send(target.baseUrl, post('{}'));
    expect([response.status, response.body.toString()]).toEqual([529, '{"type":"error"}']);
    expect(upstream.requests).toHaveLength(1);
  });

  it('are asked for again with the same bytes, and the client sees only the last', async () => {
    const { log, lines } = tryLog();
    const answer = inTurn(overloaded(), overloaded({ status: 500 }), reply('data: at last\n\n'));
    const { upstream, target, client } = await setUp(answer, { statusRetry, log });
    const response = await client.send(target.baseUrl, post('{"n":1}'));
    expect([response.status, response.body.toString()]).toEqual([200, 'data: at last\n\n']);
    expect(upstream.requests.map(({ body }) => body.toString())).toEqual(['{"n":1}', '{"n":1}', '{"n":1}']);
    expect(target.journaled()).toMatchObject([{ responseHead: { status: 200, ours: false } }]);
    expect(lines).toEqual([
      ['Trying the upstream again', 529, 1],
      ['Trying the upstream again', 500, 2],
    ]);
  });

  it('reach the client unchanged once the tries are used up', async () => {
    const { upstream, target, client } = await setUp(() => overloaded({ rawHeaders: ['request-id', 'r'] }), {
      statusRetry,
    });
    const response = await client.send(target.baseUrl, post('{}'));
    expect([response.status, response.reason, response.body.toString()]).toEqual([
      529,
      'Overloaded',
      '{"type":"error"}',
    ]);
    expect(response.rawHeaders).toContain('request-id');
    expect(upstream.requests).toHaveLength(3);
  });

  const passedOn: [string, RawReply, ReturnType<typeof post>][] = [
    ['what it refuses', overloaded({ status: 429, rawHeaders: ['retry-after', '0'] }), post('{}')],
    ['what it asks not to repeat', overloaded({ rawHeaders: ['x-should-retry', 'false'] }), post('{}')],
    ['what it wants to wait too long for', overloaded({ rawHeaders: ['retry-after', '60'] }), post('{}')],
    ['a body that streams through', overloaded(), post('{}', { target: '/v1/files' })],
    ['a success', reply('data: here\n\n'), post('{}')],
  ];
  it.each(passedOn)('are passed on at once: %s', async (_name, answer, request) => {
    const { upstream, target, client } = await setUp(() => answer, { statusRetry });
    expect((await client.send(target.baseUrl, request)).status).toBe(answer.status);
    expect(upstream.requests).toHaveLength(1);
  });

  it('are not asked for again once the client has left', async () => {
    const { log, lines } = tryLog();
    const hour = 60 * 60_000;
    const { upstream, target } = await setUp(() => overloaded(), {
      statusRetry: { tries: 9, firstMs: hour, capMs: hour },
      log,
    });
    const outgoing = httpRequest(`${target.baseUrl}/v1/messages`, { method: 'POST' });
    outgoing.on('error', () => undefined);
    outgoing.end('{}');
    await eventually(() => lines.length === 1);
    outgoing.destroy();
    await eventually(() => target.proxy.active() === 0);
    expect(upstream.requests).toHaveLength(1);
    expect(target.journaled()[0]?.end?.reason).toBe('client-aborted');
  });

  it('are not asked for again once something of an answer was passed on', async () => {
    const { upstream, target } = await setUp(
      (_request, socket) => {
        socket.end(streamHead + chunk('data: one\n\n'));
        return null;
      },
      { statusRetry },
    );
    const outgoing = httpRequest(`${target.baseUrl}/v1/messages`, { method: 'POST' });
    outgoing.end('{}');
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    response.resume();
    await once(response, 'error');
    expect(upstream.requests).toHaveLength(1);
  });
});
