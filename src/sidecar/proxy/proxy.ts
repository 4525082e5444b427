import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Dispatcher } from 'undici';
import { uuidV7 } from '../core/ids.ts';
import type { UpstreamCredential } from '../core/upstream-credential.ts';
import type { Log } from '../log.ts';
import { reason } from '../errors.ts';
import type { ExchangeContext, Meter } from './exchange-context.ts';
import { Exchange } from './exchange.ts';
import { refused, stopping } from './failure.ts';
import { headerValue } from './headers.ts';
import type { Journal } from './journal.ts';
import type { Arrival, RecordPolicy } from './record.ts';
import { ownAnswer, respond } from './respond.ts';
import type { RetryPolicy } from './retries.ts';
import type { Route } from './route.ts';
import type { TrafficLog } from './traffic-log.ts';
import { createDispatcher, type Upstream, type Way } from './upstream.ts';

export interface Proxy {
  /** Answers a request that is not ours; never throws. `credential`: goes upstream instead of the client's own. */
  handle(
    request: IncomingMessage,
    response: ServerResponse,
    route: Exclude<Route, { kind: 'own' }>,
    credential?: UpstreamCredential | null,
  ): void;
  /** Exchanges whose client has not got its last byte. */
  active(): number;
  /**
   * From now on new requests get 503 and responses end their connection. Resolves when the open exchanges have ended,
   * at the latest `graceMs` later: what is still open then is cut off and recorded as ended by the shutdown.
   */
  close(graceMs: number): Promise<void>;
}

export interface ProxyOptions {
  upstream: Upstream;
  /** null: nothing is recorded (STORAGE_ENABLED=false). */
  journal: Journal | null;
  /** What is known for the record: tenant, fingerprint key, the product's own secrets. */
  policy: RecordPolicy;
  log: Log;
  meter?: Meter;
  /** DEBUG: logs what passes, masked; default: nobody. */
  trafficLog?: ((arrival: Arrival) => TrafficLog) | null;
  /** CLAUDE_API_TIMEOUT: idle time to the response head and between chunks, ms; 0 waits for ever. */
  timeoutMs: number;
  /** How an https upstream is reached; default: directly. */
  way?: Way | undefined;
  /** Default: an Agent of our own, destroyed by `close`. */
  dispatcher?: Dispatcher;
  /** Largest body of /v1/messages and count_tokens; default 32 MB. */
  bodyLimit?: number;
  /** Largest other body that is recorded as it is; default 32 MB. */
  recordLimit?: number;
  /** How long the last chunk waits for its journal write; default 100 ms. */
  lastWriteMs?: number;
  /** Connection failures before a byte was sent; default 3 tries, 1 s × 2, at most 30 s. */
  connectRetry?: RetryPolicy;
  /** CLAUDE_API_RETRIES: 5xx answers are asked for again; default: never. */
  statusRetry?: RetryPolicy | null;
  now?: () => number;
  random?: () => number;
}

const MAX_BODY = 32 * 1024 * 1024;

/** The forwarding half of the sidecar: raw Node streams in front, undici behind, the journal beside. */
export function createProxy(options: ProxyOptions): Proxy {
  const dispatcher = options.dispatcher ?? createDispatcher(options.way);
  const now = options.now ?? Date.now;
  let closing = false;
  let emptied: (() => void) | null = null;
  const open = new Set<Exchange>();

  const context: ExchangeContext = {
    upstream: options.upstream,
    dispatcher,
    journal: options.journal,
    policy: options.policy,
    send: {
      dispatcher,
      timeoutMs: options.timeoutMs,
      connectRetry: options.connectRetry ?? { tries: 3, firstMs: 1000, capMs: 30_000 },
      statusRetry: options.statusRetry ?? null,
      random: options.random ?? Math.random,
    },
    bodyLimit: options.bodyLimit ?? MAX_BODY,
    recordLimit: options.recordLimit ?? MAX_BODY,
    lastWriteMs: options.lastWriteMs ?? 100,
    log: options.log,
    meter: options.meter ?? null,
    trafficLog: options.trafficLog ?? null,
    isClosing: () => closing,
  };

  const begin = (
    request: IncomingMessage,
    response: ServerResponse,
    { project, path }: { project: string | null; path: string },
    credential: UpstreamCredential | null,
  ): void => {
    const exchange = new Exchange(context, request, response, {
      id: uuidV7(now()),
      project,
      domain: (headerValue(request.rawHeaders, 'host') ?? '').toLowerCase(),
      method: request.method ?? 'GET',
      path,
      httpVersion: request.httpVersion,
      rawHeaders: request.rawHeaders,
      credential,
    });
    const { socket } = request;
    const leave = (): void => {
      socket.off('close', gone);
      if (open.delete(exchange) && open.size === 0) emptied?.();
    };
    // The socket's own event: a pipelined response has no socket yet and would never hear of it.
    const gone = (): void => {
      exchange.clientGone();
      leave();
    };
    open.add(exchange);
    socket.setMaxListeners(0);
    socket.on('close', gone);
    response.on('finish', leave);
    response.on('error', (error) => {
      options.log.debug('A response could not be written', { error: reason(error) });
    });
    if (socket.destroyed) gone();
    else exchange.run();
  };

  return {
    handle(request, response, route, credential = null) {
      // Without a listener an aborted upload would be thrown; the socket's close tells the same.
      request.on('error', (error) => {
        options.log.debug('A request ended early', { error: reason(error) });
      });
      if (route.kind === 'refused') {
        const failure = refused(route);
        respond(request, response, failure.status, ownAnswer(failure, null, closing));
      } else if (closing) {
        const failure = stopping();
        respond(request, response, failure.status, ownAnswer(failure, null, true));
      } else {
        begin(request, response, route, credential);
      }
    },
    active: () => open.size,
    async close(graceMs) {
      closing = true;
      const empty = new Promise<void>((resolve) => {
        emptied = resolve;
        if (open.size === 0) resolve();
      });
      await within(empty, graceMs);
      for (const exchange of open) exchange.shutDown();
      // What was cut still has to reach its client; a client that does not read is not waited for long.
      await within(empty, Math.min(graceMs, 1000));
      if (options.dispatcher === undefined) {
        await dispatcher.destroy(new Error('the sidecar is shutting down'));
      }
    },
  };
}

function within(done: Promise<void>, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    void done.then(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
