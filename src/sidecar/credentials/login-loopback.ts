import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { noLogin } from '../errors.ts';

/** How long a browser has to come back, in ms. */
const WAIT_MS = 10 * 60_000;

/** Where a browser on this machine hands the code over (RFC 8252 §7.3). */
export interface Loopback {
  redirectUri: string;
  /**
   * The code that comes with the right state. Others are refused and change nothing: any page can send a browser here.
   *
   * @throws NexusError when the log-in was declined, or nobody has come in ten minutes.
   */
  codeFor(isState: (state: string) => boolean): Promise<string>;
  close(): Promise<void>;
}

export async function openLoopback(waitMs: number = WAIT_MS): Promise<Loopback> {
  const arrived = Promise.withResolvers<string>();
  let isOurs: (state: string) => boolean = () => false;
  const server = createServer((request, response) => {
    const query = callbackOf(request);
    const state = query?.get('state') ?? '';
    if (query === null) {
      answer(response, 404, 'There is nothing here.');
    } else if (!isOurs(state)) {
      answer(response, 400, 'This is not the log-in that is waited for. Use the page that was opened last.');
    } else if ((query.get('code') ?? '') === '') {
      answer(response, 200, 'The log-in was declined. You can close this page.');
      arrived.reject(noLogin('bad_request', 'the log-in was declined in the browser; nothing was changed.'));
    } else {
      answer(response, 200, 'The code has arrived. You can close this page and go back to where you began.');
      arrived.resolve(query.get('code')!);
    }
  });
  // The public client's redirect is `localhost`; a browser that tries ::1 first goes on to 127.0.0.1.
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const timer = setTimeout(() => {
    arrived.reject(noLogin('bad_request', 'no browser has come back; nothing was changed.'));
  }, waitMs);
  // Rejected before anybody waits for it, it must not end the process.
  arrived.promise.catch(() => undefined);
  return {
    redirectUri: `http://localhost:${String((server.address() as AddressInfo).port)}/callback`,
    codeFor: (isState) => {
      isOurs = isState;
      return arrived.promise;
    },
    close: async () => {
      clearTimeout(timer);
      server.close();
      // Browsers open connections ahead of requests.
      setImmediate(() => {
        server.closeAllConnections();
      });
      await once(server, 'close');
    },
  };
}

function callbackOf({ method, url = '', headers }: IncomingMessage): URLSearchParams | null {
  if (method !== 'GET' || !/^(?:localhost|127\.0\.0\.1)(?::\d+)?$/i.test(headers.host ?? '')) return null;
  const [path, query = ''] = url.split('?');
  return path === '/callback' ? new URLSearchParams(query) : null;
}

function answer(response: ServerResponse, status: number, text: string): void {
  response
    .writeHead(status, {
      'content-type': 'text/plain; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      // The code is in this page's address.
      'referrer-policy': 'no-referrer',
      connection: 'close',
    })
    .end(`${text}\n`);
}
