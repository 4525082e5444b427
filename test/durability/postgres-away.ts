import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { sidecarStatus, type RecorderStatus } from '../../src/protocol/status.ts';
import type { PostgresServer, TestDatabase } from '../support/databases.ts';
import { databaseOpen, startSidecar, stopRecorded } from '../support/sidecar.ts';
import { until } from '../support/until.ts';
import { startClients, type Sent } from './clients.ts';
import { planOf } from './plan.ts';
import { startUpstream } from './upstream.ts';
import { verify, type Verdict } from './verify.ts';

export interface PostgresAwayOptions {
  database: TestDatabase;
  server: PostgresServer;
  streams: number;
  seed: number;
  /** How long the server is away; the same time is measured with it first, ms. */
  awayMs: number;
}

export interface Latency {
  exchanges: number;
  firstByteP50: number;
  firstByteP99: number;
  totalP50: number;
  totalP99: number;
}

export interface PostgresAway {
  verdict: Verdict;
  /** What the clients saw with the server, and while it was away; ms. */
  latency: { with: Latency; without: Latency };
  /** The status shortly before the server came back. */
  during: RecorderStatus;
  caughtUp: CaughtUp;
}

/** How the recorder worked off what waited, new requests included. */
export interface CaughtUp {
  /** From the server's start until the recorder recorded again, ms. */
  reachedMs: number;
  /** From then until nothing waited, ms. */
  ms: number;
  exchanges: number;
}

/** PostgreSQL is stopped under load and started again. Nobody leaves and nothing fails here: latencies are compared. */
export async function postgresAway(options: PostgresAwayOptions): Promise<PostgresAway> {
  const { database, server, awayMs } = options;
  const upstream = await startUpstream();
  const sidecar = await startSidecar({
    dataDir: database.dataDir,
    upstream: upstream.url,
    databaseUrl: database.databaseUrl!,
  });
  await databaseOpen(sidecar);
  let last: RecorderStatus | null = null;
  const status = async (): Promise<RecorderStatus> =>
    (last = sidecarStatus.parse(await (await sidecar.api('/api/status')).json()).recorder);
  const clients = startClients({
    streams: options.streams,
    seed: options.seed,
    // Latencies are compared: the machine must not be at its limit.
    pauseMs: 400,
    baseUrl: () => sidecar.baseUrl,
    plan: (n, random) => ({
      ...planOf(n, random),
      fault: 'none',
      leaveAfter: 0,
      words: random.whole(5, 300),
    }),
  });
  // Whatever goes wrong: nobody is left behind who works in a directory that is removed.
  const abandon = async (): Promise<void> => {
    await sidecar.kill();
    await clients.finish();
    await upstream.close();
  };
  const phases = async () => {
    await wait(1000);
    const began = performance.now();
    await wait(awayMs);
    const stopped = performance.now();
    await server.stop();
    await wait(awayMs);
    const during = await status();
    const over = performance.now();
    await server.start();
    // Under load first; then nothing new comes, or a busy machine would never catch up.
    const started = performance.now();
    const first = await until(
      'an exchange recorded again',
      60_000,
      async () => ((await status()).lastError === null ? last! : undefined),
      () => JSON.stringify(last),
    );
    const reached = performance.now();
    const caughtUp = until(
      'everything recorded',
      240_000,
      async () => ((await status()).pending === 0 ? performance.now() : undefined),
      () => JSON.stringify(last),
    );
    await Promise.all([caughtUp, wait(1000).then(() => clients.finish())]);
    const { recorded } = last!;
    const ms = (await caughtUp) - reached;
    await stopRecorded(sidecar);
    return {
      began,
      stopped,
      over,
      during,
      caughtUp: { reachedMs: reached - started, ms, exchanges: recorded - first.recorded },
    };
  };
  const { began, stopped, over, during, caughtUp } = await orTell(phases, abandon);
  const verdict = await verify(clients.sent, database.options, join(database.dataDir, 'journal'));
  const latency = {
    with: latencyOf(clients.sent.filter(({ at }) => at >= began && at < stopped)),
    without: latencyOf(clients.sent.filter(({ at }) => at >= stopped && at < over)),
  };
  return { verdict, latency, during, caughtUp };
}

/** `work`, then `after` in any case; where both fail, both are told. */
async function orTell<T>(work: () => Promise<T>, after: () => Promise<void>): Promise<T> {
  const [result] = await Promise.allSettled([work()]);
  const [ended] = await Promise.allSettled([after()]);
  if (result.status === 'fulfilled' && ended.status === 'fulfilled') return result.value;
  const reasons = [result, ended].flatMap((one): unknown[] =>
    one.status === 'rejected' ? [one.reason] : [],
  );
  throw new AggregateError(reasons, `The run failed: ${reasons.map(String).join('; then ')}`);
}

function latencyOf(sent: Sent[]): Latency {
  const at = (values: number[], q: number): number => {
    const sorted = values.filter((value) => !Number.isNaN(value)).toSorted((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;
  };
  const [first, total] = [sent.map(({ firstMs }) => firstMs), sent.map(({ totalMs }) => totalMs)];
  return {
    exchanges: sent.length,
    firstByteP50: at(first, 0.5),
    firstByteP99: at(first, 0.99),
    totalP50: at(total, 0.5),
    totalP99: at(total, 0.99),
  };
}
