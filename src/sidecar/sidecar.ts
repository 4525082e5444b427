import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { getRequestListener } from '@hono/node-server';
import type { SidecarStatus } from '../protocol/status.ts';
import { createApi } from './api/app.ts';
import { createGate } from './api/auth.ts';
import { createEventBus } from './api/event-bus.ts';
import type { ServeConfig } from './config.ts';
import { createAccess } from './credentials/access.ts';
import type { DataDirLayout } from './data-dir.ts';
import type { DoorRules } from './door.ts';
import { databaseUnavailable, NexusError, reason } from './errors.ts';
import { countFailedAttempts } from './failed-attempts.ts';
import { createIncoming } from './incoming.ts';
import { watchLifetime } from './lifetime.ts';
import { listenOnKeptPort, originOf } from './kept-port.ts';
import type { Log } from './log.ts';
import { isLoopback } from './core/loopback.ts';
import { createMetrics } from './metrics.ts';
import { observeRecorder, withJournal } from './observed.ts';
import { openStoredCredentials } from './open-credentials.ts';
import { createOwnKeyGuard } from './own-key-guard.ts';
import { openJournal } from './proxy/journal.ts';
import { createMemoryFiles } from './proxy/memory-files.ts';
import { createProxy } from './proxy/proxy.ts';
import { recycledFiles } from './proxy/recycled-files.ts';
import { createRouter, ownPaths } from './proxy/route.ts';
import { tellWay, wayTo } from './proxy/upstream-way.ts';
import { createTrafficLog } from './proxy/traffic-log.ts';
import { parseUpstream } from './proxy/upstream.ts';
import { recorderOptions, recorderUrl } from './recorder-options.ts';
import { startRecorder } from './recorder/start.ts';
import type { LiveLimits, RecorderThread } from './recorder/thread.ts';
import type { RunningSidecar } from './serve.ts';
import { loadState, saveState } from './state.ts';
import { version } from './version.ts';

/** How long a stop waits for the recorder; what it has not recorded by then stays in the journal for the next start. */
const DRAIN_MS = 5000;
const LAST_ANSWERS_MS = 1000;
/** How long a read waits for a database that is still being opened (a new one takes seconds to create). */
const OPENING_MS = 15_000;

/** What live mode keeps (`STORAGE_ENABLED=false`), and how many bytes may be on their way into that. */
const LIVE: LiveLimits = { exchanges: 500, bytes: 64 * 1024 ** 2, waitingBytes: 64 * 1024 ** 2 };
const LIVE_JOURNAL_BYTES = 2 * LIVE.waitingBytes;

/** Between two tries of CLAUDE_API_RETRIES (SPEC 1.6). */
const STATUS_RETRY = { firstMs: 1000, capMs: 30_000 };

/** Everything recorded on one machine belongs to one tenant; a team server will have one per domain. */
const TENANT = 'local';

/**
 * Puts the rooms together, by hand. Resolves when the listener accepts connections: the database opens afterwards, in
 * the recorder's thread, so that the first proxied byte never waits for it.
 */
export async function startSidecar(
  config: ServeConfig,
  layout: DataDirLayout,
  log: Log,
): Promise<RunningSidecar> {
  const startedAt = performance.now();
  const upstream = parseUpstream(config.upstream);
  const state = loadState(layout.state);
  const events = createEventBus();
  const stored = openStoredCredentials(config, upstream.origin, log, () => {
    recorder?.setOwnSecrets(ownSecrets());
    events.publish({ name: 'credentials.changed', ids: [] });
  });
  const { credentials, keeper } = stored;
  const ownSecrets = (): string[] => [state.token, state.pathKey, ...credentials.plainKeys()];
  const attempts = countFailedAttempts(() => performance.now());
  // Live mode: the same recorder, with a journal and a database in memory.
  const memory = config.storageEnabled ? null : createMemoryFiles();
  const databaseUrl = memory === null ? (config.databaseUrl ?? null) : null;
  const observed = observeRecorder(databaseUrl === null ? 'pglite' : 'postgresql', events.publish);
  // In memory a new one each time would make every account a new one.
  let salt = config.salt ?? state.salt ?? (memory === null ? null : randomBytes(32).toString('hex'));
  let recorder: RecorderThread | null = null;
  let draining = false;
  let port = 0;
  let askToStop = (why: string): void => {
    log.warn('Asked to stop before it was ready', { why });
  };

  const files = memory ?? recycledFiles(layout.spare, log);
  const journal = openJournal({
    dir: layout.journal,
    log,
    onTrouble: () => {
      events.publish({ name: 'status', ids: [] });
    },
    onNotes: (notes) => recorder?.journal(memory === null ? notes : memory.handOver(notes)),
    files,
    ...(memory === null ? {} : { capBytes: LIVE_JOURNAL_BYTES }),
  });
  const metrics = createMetrics();
  const way = wayTo(upstream.origin, config, log);
  tellWay(way, config, log);
  const proxy = createProxy({
    upstream,
    journal,
    policy: {
      tenant: TENANT,
      salt: () => salt,
      ownSecrets,
      redactBodies: config.redactBodies,
    },
    meter: metrics,
    trafficLog: config.debug ? createTrafficLog(log, ownSecrets) : null,
    timeoutMs: config.upstreamTimeoutMs,
    way,
    statusRetry: config.upstreamRetries === 0 ? null : { tries: config.upstreamRetries + 1, ...STATUS_RETRY },
    log,
  });
  const lifetime = watchLifetime(
    config.idleExit ? { windowMs: config.idleWindowMs, trafficMs: config.idleTrafficMs } : null,
    () => proxy.active() > 0,
    () => {
      askToStop('idle');
    },
  );
  const gate = createGate({
    token: state.token,
    dashboardKey: config.dashboardKey ?? null,
    port: () => port,
    now: () => performance.now(),
    attempts,
  });
  const origin = (): string => originOf(config.host, port);
  const status = (): SidecarStatus => {
    return {
      version,
      uptimeMs: Math.round(performance.now() - startedAt),
      storage: memory === null ? 'kept' : 'live',
      database: observed.database,
      upstream: upstream.origin + upstream.basePath,
      activeRequests: proxy.active(),
      windows: lifetime.windows(),
      recorder: withJournal(observed.recorder, journal.stats()),
      credentials: credentials.status(),
    };
  };
  const api = createApi({
    version,
    gate,
    events,
    origin,
    log,
    webviewDir: fileURLToPath(new URL('./webview', import.meta.url)),
    draining: () => draining,
    enterWindow: lifetime.enterWindow,
    credentials: stored.works,
    oauthMetrics: keeper.metrics.snapshot,
    requestStop: () => {
      askToStop('a window asked for it');
    },
    read: async (name, ...args) => {
      if (recorder === null) throw databaseUnavailable(new Error('it is being opened'));
      // The first seconds: a panel that is open already waits rather than shows an error.
      await within(OPENING_MS, observed.known);
      return await recorder.read(name, ...args);
    },
    readUntil: async (signal, name, ...args) => {
      if (recorder === null) throw databaseUnavailable(new Error('it is being opened'));
      await within(OPENING_MS, observed.known);
      return await recorder.readUntil(signal, name, ...args);
    },
    command: async (name, ...args) => {
      if (recorder === null) throw databaseUnavailable(new Error('it is being opened'));
      await within(OPENING_MS, observed.known);
      return await recorder.command(name, ...args);
    },
    status,
    metrics: () => metrics.text(status(), observed.tally),
  });

  const route = createRouter({
    pathKey: config.pathKey ? state.pathKey : null,
    ownPaths: [...ownPaths, '/api/shutdown'],
  });
  // Replaces this process's `Response` by one whose bytes go to the socket as they are. The built-in one copies them into
  // a stream: a mark-compact of this thread's heap (34 ms on a busy machine) for every fourth answer of 900 KB.
  const answerOwn = getRequestListener(api.fetch);
  let doorRules: DoorRules = {
    port,
    allowedHosts: config.allowedHosts,
    isDomain: (name) => credentials.find(name) !== undefined,
  };
  const handle = createIncoming({
    route,
    door: () => doorRules,
    ownKeys: createOwnKeyGuard(gate, attempts, (key) => credentials.isClientKey(key)),
    attempts,
    access: createAccess({
      credentials,
      clientAuth: config.clientAuth,
      loopback: isLoopback(config.host),
      attempts,
      log,
      tokenOf: keeper.tokenOf,
      renewed: keeper.renewed,
    }),
    proxy,
    own: (request, response) => void answerOwn(request, response),
    traffic: lifetime.traffic,
    draining: () => draining,
    log,
  });

  // What lies in the journal when the recorder starts is taken for left behind: between here and its start nothing may
  // be awaited but the listener, whose first connection comes after this turn.
  const listener = await listenOnKeptPort(config, state, layout, handle, log);
  port = listener.port;
  doorRules = { ...doorRules, port, allowedHosts: [...config.allowedHosts, new URL(origin()).host] };
  if (config.withoutEffect.length > 0) {
    log.info('These settings have no effect', { names: config.withoutEffect });
  }
  recorder = startRecorder(
    recorderOptions(config, layout, {
      salt: memory === null ? (config.salt ?? null) : salt,
      secrets: ownSecrets(),
      live: memory === null ? null : LIVE,
    }),
    {
      onEvent: events.publish,
      onStatus: observed.update,
      onSalt: (value) => {
        if (value !== state.salt) saveState(layout.state, { ...state, port, salt: value });
        salt = value;
      },
      onReleased: (bytes) => memory?.released(bytes),
      onLog: (level, message, fields) => {
        log[level](message, fields);
      },
    },
    recorderUrl,
  );
  recorder.ready.catch((error: unknown) => {
    log.error('Nothing can be recorded; traffic goes on', { error: reason(error) });
    observed.fail(error instanceof NexusError ? error.message : reason(error));
  });

  const stopped = Promise.withResolvers<undefined>();
  const shutDown = async (): Promise<void> => {
    lifetime.stop();
    stored.close();
    const closed = listener.close();
    events.close();
    await proxy.close(config.graceMs);
    // Our own answers are short; a client that does not take its one is not waited for.
    await within(LAST_ANSWERS_MS, closed);
    listener.cut();
    await closed;
    journal.flush();
    if ('letGo' in files) files.letGo();
    const worthIt = memory === null && observed.database.version !== null;
    if (worthIt) await within(DRAIN_MS, recorder.drain());
    await within(DRAIN_MS, recorder.close());
  };
  return {
    url: origin(),
    baseUrl: config.pathKey ? `${origin()}/k/${state.pathKey}` : origin(),
    port,
    token: state.token,
    stopped: stopped.promise,
    onStopRequest: (ask) => (askToStop = ask),
    stop: () => {
      if (draining) return;
      draining = true;
      shutDown()
        .catch((error: unknown) => {
          log.error('The shutdown was not clean', { error: reason(error) });
        })
        .finally(() => {
          stopped.resolve(undefined);
        });
    },
  };
}

/** Waits for the work, but no longer than `ms`. */
async function within(ms: number, work: Promise<void>): Promise<void> {
  const limit = new AbortController();
  await Promise.race([work, sleep(ms, undefined, { signal: limit.signal }).catch(() => undefined)]);
  limit.abort();
}
