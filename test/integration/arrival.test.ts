import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { chunk } from '../support/forwarding.ts';
import { startProxyTarget, type StartTarget } from '../support/proxy-target.ts';
import { replyHead, startRawUpstream } from '../support/raw-http.ts';
import { startSidecar } from '../support/sidecar.ts';

/**
 * The order of arrival: the upstream says its next piece only when the client has the one before, head included. Whoever
 * holds anything back, or mixes it up, comes to a halt here.
 */
async function checkArrival(startTarget: StartTarget, runs: number): Promise<void> {
  let next: ((socket: Socket) => void) | null = null;
  const upstream = await startRawUpstream((_request, socket) => {
    next?.(socket);
    return null;
  });
  const target = await startTarget(upstream.url);
  const step = async (baseUrl: string, pieces: string[], streamed: boolean): Promise<void> => {
    const arrived = Promise.withResolvers<Socket>();
    next = arrived.resolve;
    const outgoing = httpRequest(`${baseUrl}${streamed ? '/v1/files' : '/v1/messages'}`, { method: 'POST' });
    outgoing.end('{}');
    const socket = await arrived.promise;
    const answer = once(outgoing, 'response') as Promise<[IncomingMessage]>;
    const rawHeaders = ['Content-Type', 'text/event-stream'];
    socket.write(
      replyHead({ status: 200, reason: 'OK', rawHeaders, framing: 'chunked', body: Buffer.alloc(0) }),
    );
    const [response] = await answer;
    // Gathered by one listener: pieces of one piece may come in the same turn.
    let seen = '';
    let wake = (): void => undefined;
    response.setEncoding('utf8');
    response.on('data', (more: string) => {
      seen += more;
      wake();
    });
    for (const piece of pieces) {
      seen = '';
      socket.write(chunk(piece));
      while (seen.length < piece.length) await new Promise<void>((resolve) => (wake = resolve));
      if (seen !== piece) throw new Error(`"${seen}" arrived where "${piece}" was sent`);
    }
    const ended = once(response, 'end');
    socket.write('0\r\n\r\n');
    await ended;
  };
  const piece = fc.oneof(
    fc.string({ minLength: 1, maxLength: 200 }),
    fc.constantFrom('event: message_stop\ndata: {}\n\n', 'data: x\n\n', '\n'),
    fc.nat(60_000).map((size) => 'y'.repeat(size + 1)),
  );
  try {
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 12 }), fc.boolean(), async (pieces, streamed) => {
        await step(upstream.url, pieces, streamed);
        await step(target.baseUrl, pieces, streamed);
      }),
      { numRuns: runs },
    );
  } finally {
    await target.close();
    await upstream.close();
  }
}

describe('every piece arrives before the next one is sent', () => {
  it('through the proxy', async () => {
    await checkArrival((upstreamUrl) => startProxyTarget(upstreamUrl), 60);
  });

  it('through the whole sidecar, recording on', async () => {
    await checkArrival(async (upstreamUrl) => {
      const sidecar = await startSidecar({ upstream: upstreamUrl });
      return { baseUrl: sidecar.baseUrl, close: () => sidecar.remove() };
    }, 40);
  });
});
