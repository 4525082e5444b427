import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { connect, type AddressInfo, type Socket } from 'node:net';

export interface ConnectProxy {
  /** `127.0.0.1:port`. */
  host: string;
  /** What was asked for by CONNECT so far: target and `Proxy-Authorization`. */
  asked: { target: string; authorization: string | null }[];
  /** Everything else it was asked, which should be nothing. */
  others: string[];
  /** Ends the connections through it. */
  cut(): void;
  close(): Promise<void>;
}

export interface ConnectProxyOptions {
  /** What `Proxy-Authorization` has to be; without it 407. */
  authorization?: string;
  /** Answers every CONNECT with this instead. */
  refuseWith?: string;
  /** Speaks TLS itself. */
  tls?: { key: string; cert: string };
}

/** A company's HTTP proxy on loopback: whatever host is asked for, it connects to that port of this machine. */
export async function startConnectProxy(options: ConnectProxyOptions = {}): Promise<ConnectProxy> {
  const asked: ConnectProxy['asked'] = [];
  const others: string[] = [];
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
  };
  const answer = (request: IncomingMessage, response: { end(): void }): void => {
    others.push(`${request.method ?? ''} ${request.url ?? ''}`);
    response.end();
  };
  const server: Server =
    options.tls === undefined ? createServer(answer) : createHttpsServer(options.tls, answer);
  server.on('connection', keep);
  server.on('connect', (request, client: Socket) => {
    const target = request.url ?? '';
    const authorization = request.headers['proxy-authorization'] ?? null;
    asked.push({ target, authorization });
    keep(client);
    if (options.refuseWith !== undefined) {
      client.end(`HTTP/1.1 ${options.refuseWith}\r\nContent-Length: 2\r\n\r\nno`);
      return;
    }
    if (options.authorization !== undefined && authorization !== options.authorization) {
      client.end('HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n');
      return;
    }
    const upstream = connect(Number(target.split(':').at(-1)), '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      client.pipe(upstream).pipe(client);
    });
    keep(upstream);
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    host: `127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    asked,
    others,
    cut,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        cut();
      }),
  };
}
