import { Agent, request as httpRequest } from 'node:http';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';

/** An upstream and a client that look at HTTP/1.1 as bytes, to see what a proxy between them changes. */

export interface RawRequest {
  method: string;
  target: string;
  rawHeaders: string[];
  body: Buffer;
  trailers: string[];
}

export interface RawReply {
  status: number;
  reason: string;
  rawHeaders: string[];
  /** `close`: the body ends with the connection. `none`: no body bytes at all (HEAD, 204, 304). */
  framing: 'length' | 'chunked' | 'close' | 'none';
  body: Buffer;
  /** Offsets in the body at which a new write (and a new chunk) begins. */
  cuts?: number[];
  rawTrailers?: string[];
}

export interface RawUpstream {
  url: string;
  /** Everything received so far, oldest first. */
  requests: RawRequest[];
  close(): Promise<void>;
}

/**
 * Starts an upstream on loopback. `answer` gives the reply, or takes the socket over and returns null. `onSocket` sees
 * every connection when it is made. With `tls` it speaks https, as `hostname` of its URL.
 */
export async function startRawUpstream(
  answer: (request: RawRequest, socket: Socket) => RawReply | null,
  onSocket: (socket: Socket) => void = () => undefined,
  tls: { key: string; cert: string; hostname: string } | null = null,
): Promise<RawUpstream> {
  const requests: RawRequest[] = [];
  const sockets = new Set<Socket>();
  const onConnection = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    onSocket(socket);
    let bytes = Buffer.alloc(0);
    let replies = Promise.resolve();
    socket.on('data', (chunk) => {
      bytes = Buffer.concat([bytes, chunk]);
      for (let parsed = parseRequest(bytes); parsed !== null; parsed = parseRequest(bytes)) {
        bytes = bytes.subarray(parsed.used);
        const { request } = parsed;
        requests.push(request);
        replies = replies.then(async () => {
          const reply = answer(request, socket);
          if (reply !== null) await writeReply(socket, reply);
        });
      }
    });
  };
  const server = tls === null ? createServer(onConnection) : createTlsServer(tls, onConnection);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = tls === null ? 'http://127.0.0.1' : `https://${tls.hostname}`;
  return {
    url: `${origin}:${String((server.address() as AddressInfo).port)}`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function parseRequest(bytes: Buffer): { request: RawRequest; used: number } | null {
  const end = bytes.indexOf('\r\n\r\n');
  if (end === -1) return null;
  const [first = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n');
  const [method = '', target = ''] = first.split(' ');
  const rawHeaders = lines.flatMap(headerLine);
  const lower = (name: string): string | undefined =>
    rawHeaders[rawHeaders.findIndex((text, i) => i % 2 === 0 && text.toLowerCase() === name) + 1];
  const names = rawHeaders.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase());
  const from = end + 4;
  if (names.includes('transfer-encoding')) {
    const chunked = parseChunks(bytes, from);
    return chunked && { request: { method, target, rawHeaders, ...chunked.parts }, used: chunked.used };
  }
  const length = names.includes('content-length') ? Number(lower('content-length')) : 0;
  if (bytes.length < from + length) return null;
  const body = Buffer.from(bytes.subarray(from, from + length));
  return { request: { method, target, rawHeaders, body, trailers: [] }, used: from + length };
}

function headerLine(line: string): string[] {
  const colon = line.indexOf(':');
  return [line.slice(0, colon), line.slice(colon + 1).trim()];
}

function parseChunks(
  bytes: Buffer,
  from: number,
): { parts: { body: Buffer; trailers: string[] }; used: number } | null {
  const chunks: Buffer[] = [];
  for (let at = from; ;) {
    const line = bytes.indexOf('\r\n', at);
    if (line === -1) return null;
    const size = Number.parseInt(bytes.subarray(at, line).toString('latin1'), 16);
    if (size === 0) {
      const last = bytes.indexOf('\r\n\r\n', line);
      if (last === -1) return null;
      const trailers = bytes
        .subarray(line + 2, Math.max(last, line + 2))
        .toString('latin1')
        .split('\r\n')
        .filter((text) => text !== '')
        .flatMap(headerLine);
      return { parts: { body: Buffer.concat(chunks), trailers }, used: last + 4 };
    }
    if (bytes.length < line + 2 + size + 2) return null;
    chunks.push(Buffer.from(bytes.subarray(line + 2, line + 2 + size)));
    at = line + 2 + size + 2;
  }
}

/** The bytes of a reply's head. */
export function replyHead(reply: RawReply): string {
  const lines = [`HTTP/1.1 ${String(reply.status)} ${reply.reason}`];
  for (let i = 0; i < reply.rawHeaders.length; i += 2) {
    lines.push(`${reply.rawHeaders[i] ?? ''}: ${reply.rawHeaders[i + 1] ?? ''}`);
  }
  if (reply.framing === 'length') lines.push(`Content-Length: ${String(reply.body.length)}`);
  if (reply.framing === 'chunked') lines.push('Transfer-Encoding: chunked');
  if (reply.framing === 'close') lines.push('Connection: close');
  return `${lines.join('\r\n')}\r\n\r\n`;
}

async function writeReply(socket: Socket, reply: RawReply): Promise<void> {
  socket.write(replyHead(reply), 'latin1');
  if (reply.framing !== 'none') {
    let from = 0;
    for (const to of [...(reply.cuts ?? []), reply.body.length].toSorted((a, b) => a - b)) {
      const piece = reply.body.subarray(from, to);
      from = Math.max(from, to);
      if (piece.length === 0) continue;
      if (reply.framing === 'chunked') socket.write(`${piece.length.toString(16)}\r\n`);
      socket.write(piece);
      if (reply.framing === 'chunked') socket.write('\r\n');
      // One turn of the loop, so that the pieces leave as packets of their own.
      await new Promise(setImmediate);
    }
  }
  if (reply.framing === 'chunked') {
    const trailers = reply.rawTrailers ?? [];
    const lines = trailers.flatMap((name, i) =>
      i % 2 === 0 ? [`${name}: ${trailers[i + 1] ?? ''}\r\n`] : [],
    );
    socket.write(`0\r\n${lines.join('')}\r\n`, 'latin1');
  }
  if (reply.framing === 'close') socket.end();
}

export interface ClientRequest {
  method: string;
  /** Request target under the base URL. */
  target: string;
  /** Without framing and Host, which are added. */
  rawHeaders: string[];
  body: Buffer | null;
  framing: 'length' | 'chunked';
}

export interface ClientResponse {
  status: number;
  reason: string;
  rawHeaders: string[];
  body: Buffer;
  rawTrailers: string[];
  /** False when the connection broke before the end. */
  complete: boolean;
}

/** A client that keeps its connections alive; `close` ends them. */
export function createRawClient(): {
  send(baseUrl: string, request: ClientRequest): Promise<ClientResponse>;
  close(): void;
} {
  const agent = new Agent({ keepAlive: true });
  return {
    send: (baseUrl, { method, target, rawHeaders, body, framing }) =>
      new Promise((resolve, reject) => {
        const base = new URL(baseUrl);
        const length =
          framing === 'length' ? ['Content-Length', String(body?.length)] : ['Transfer-Encoding', 'chunked'];
        const headers = ['Host', base.host, ...rawHeaders, ...(body === null ? [] : length)];
        const path = base.pathname.replace(/\/$/, '') + target;
        const options = {
          host: base.hostname,
          port: base.port,
          method,
          path,
          headers,
          setDefaultHeaders: false,
          agent,
        };
        const outgoing = httpRequest(options, (response) => {
          const chunks: Buffer[] = [];
          const done = (): void => {
            resolve({
              status: response.statusCode ?? 0,
              reason: response.statusMessage ?? '',
              rawHeaders: response.rawHeaders,
              body: Buffer.concat(chunks),
              rawTrailers: response.rawTrailers,
              complete: response.complete,
            });
          };
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('end', done);
          response.on('error', done);
        });
        outgoing.on('error', reject);
        outgoing.end(body ?? undefined);
      }),
    close: () => {
      agent.destroy();
    },
  };
}
