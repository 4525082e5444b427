import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { NexusError, portInUse } from './errors.ts';

/** How long a kept-alive connection may lie idle. Longer than the clients keep theirs, so that they close first. */
const KEEP_ALIVE_MS = 75_000;
const HEADERS_MS = 60_000;
/** Real clients send 3 KB of headers; Node's own limit of 16 KB is near for long beta lists and cookies. */
const MAX_HEADER_BYTES = 64 * 1024;

export interface Listener {
  port: number;
  /** Stops accepting; resolves when every connection has gone. Call `cut` to end the ones still open. */
  close(): Promise<void>;
  cut(): void;
}

/**
 * Opens the HTTP listener. `idleMs`: a connection without any byte for that long is closed; `headersMs`: one whose head
 * is not complete by then is answered 408 and closed.
 */
export async function openListener(options: {
  host: string;
  port: number;
  idleMs: number;
  headersMs?: number;
  handle: (request: IncomingMessage, response: ServerResponse) => void;
}): Promise<Listener> {
  const headersMs = options.headersMs ?? HEADERS_MS;
  const server = createServer(
    {
      maxHeaderSize: MAX_HEADER_BYTES,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: headersMs / 2,
    },
    options.handle,
  );
  server.headersTimeout = headersMs;
  // Beyond a number of its own Node drops headers without a word; their size is limited anyway.
  server.maxHeadersCount = 0;
  // Uploads of any length are the upstream's business; only silence ends a connection.
  server.requestTimeout = 0;
  server.timeout = options.idleMs;
  await bind(server, options.host, options.port);
  const port = (server.address() as AddressInfo).port;
  return {
    port,
    close: () =>
      new Promise((resolve) => {
        // Kept-alive connections become idle one by one, when their last answer is out.
        const sweep = setInterval(() => {
          server.closeIdleConnections();
        }, 20);
        server.close(() => {
          clearInterval(sweep);
          resolve();
        });
      }),
    cut: () => {
      server.closeAllConnections();
    },
  };
}

function bind(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(error.code === 'EADDRINUSE' ? portInUse(host, port) : cannotListen(host, port, error));
    });
    server.listen({ host, port, exclusive: true }, () => {
      server.removeAllListeners('error');
      resolve();
    });
  });
}

function cannotListen(host: string, port: number, cause: Error): NexusError {
  const detail = `Listening on ${host}:${String(port)} is not possible (${cause.message}). Use --host 127.0.0.1 and a --port above 1023.`;
  return new NexusError('invalid_option', 500, 'Address cannot be used', detail, { cause });
}
