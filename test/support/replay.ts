import { createServer, request as send, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { PooledExchange } from './pooled.ts';

/** What came back from the sidecar for one replayed exchange. */
export interface Replayed {
  exchange: PooledExchange;
  /** `x-nexus-request-id`; null when the answer had none. */
  requestId: string | null;
  status: number;
  /** The bytes the client got. */
  received: Buffer;
  /** The request body as the upstream got it; null when it was never asked. */
  forwarded: Buffer | null;
}

export interface ReplayUpstream {
  url: string;
  /** Sends one exchange through `baseUrl`; the upstream gives back the recorded response, faults included. */
  replay(exchange: PooledExchange, baseUrl: string): Promise<Replayed>;
  close(): Promise<void>;
}

/** An upstream that answers each request with the recorded response of the exchange being replayed, one at a time. */
export async function replayUpstream(): Promise<ReplayUpstream> {
  let current: PooledExchange | null = null;
  let forwarded: Buffer | null = null;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.once('end', () => {
      forwarded = Buffer.concat(chunks);
      if (current === null) response.destroy();
      else answer(current, request, response);
    });
  });
  server.keepAliveTimeout = 120_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    replay: async (exchange, baseUrl) => {
      current = exchange;
      forwarded = null;
      const back = await ask(exchange, baseUrl);
      return { exchange, forwarded, ...back };
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function answer(
  { response: recorded }: PooledExchange,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  if (recorded.status === 0) {
    request.socket.destroy();
    return;
  }
  const length =
    recorded.stream || recorded.ended !== 'complete' ? {} : { 'content-length': recorded.body.length };
  response.writeHead(recorded.status, { ...recorded.headers, ...length });
  if (recorded.ended === 'complete' || recorded.ended === 'fault:truncate') response.end(recorded.body);
  else if (recorded.ended === 'aborted') response.write(recorded.body);
  // Cut in mid-stream: what was written first has to leave before the connection goes.
  else response.write(recorded.body, () => setImmediate(() => request.socket.destroy()));
}

function ask(
  exchange: PooledExchange,
  baseUrl: string,
): Promise<Pick<Replayed, 'requestId' | 'status' | 'received'>> {
  const { request: recorded, response: expected } = exchange;
  return new Promise((resolve, reject) => {
    const url = new URL(baseUrl.replace(/\/$/, '') + recorded.path);
    // With a list of headers Node adds none of its own.
    const headers = ['host', url.host, ...recorded.headers.flat()];
    const request = send(url, { method: recorded.method, headers });
    request.once('response', (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        size += chunk.length;
        if (expected.ended === 'aborted' && size >= expected.body.length) response.destroy();
      });
      // An aborted or cut answer is an error to Node's client; here it is what was recorded.
      response.on('error', () => undefined);
      response.once('close', () => {
        const id = response.headers['x-nexus-request-id'];
        resolve({
          requestId: typeof id === 'string' ? id : null,
          status: response.statusCode ?? 0,
          received: Buffer.concat(chunks),
        });
      });
    });
    request.once('error', reject);
    request.end(recorded.body);
  });
}
