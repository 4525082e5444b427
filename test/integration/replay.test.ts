import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RequestDetail, RequestPage, RequestRow } from '../../src/protocol/rows.ts';
import type { SidecarStatus } from '../../src/protocol/status.ts';
import { createTestDatabase, engines, type TestDatabase } from '../support/databases.ts';
import { usePostgres } from '../support/postgres-suite.ts';
import { pooledCaptures, type PooledExchange } from '../support/pooled.ts';
import { replayUpstream, type Replayed, type ReplayUpstream } from '../support/replay.ts';
import { startSidecar, type TestSidecar } from '../support/sidecar.ts';
import { until } from '../support/until.ts';

/** Parents that must be right, of all requests that belong to a conversation. */
const PARENTS_GOAL = 0.95;

const exchanges = pooledCaptures();

const server = usePostgres();

describe.each(engines)('all captures through the sidecar, in one store: %s', (engine) => {
  let upstream: ReplayUpstream;
  let sidecar: TestSidecar;
  let database: TestDatabase;
  const replayed: Replayed[] = [];
  const rows = new Map<string, RequestRow>();
  const details = new Map<string, RequestDetail>();

  const ask = async <T>(path: string): Promise<T> => {
    const answer = await sidecar.api(path);
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as T;
  };

  beforeAll(async () => {
    upstream = await replayUpstream();
    database = await createTestDatabase(engine, server());
    const { dataDir, databaseUrl } = database;
    const where = databaseUrl === null ? { dataDir } : { dataDir, databaseUrl };
    sidecar = await startSidecar({ upstream: upstream.url, ...where });
    for (const exchange of exchanges) replayed.push(await upstream.replay(exchange, sidecar.baseUrl));
    await until('everything recorded', 90_000, async () => {
      const { recorder, activeRequests, database: used } = await ask<SidecarStatus>('/api/status');
      if (recorder.failed > 0) throw new Error(`not recorded: ${recorder.lastError ?? ''}`);
      const on = `${used.engine} ${used.version ?? ''}`;
      if (!on.startsWith(engine)) throw new Error(`recorded on ${on}`);
      return recorder.pending === 0 && activeRequests === 0 && recorder.recorded >= exchanges.length
        ? true
        : undefined;
    });
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: RequestPage = await ask(`/api/requests?limit=200&cursor=${encodeURIComponent(cursor)}`);
      for (const row of page.requests) rows.set(row.requestId, row);
      cursor = page.pagination.nextCursor;
    }
    for (const { requestId, exchange } of replayed) {
      if (requestId !== null) {
        details.set(exchange.id, await ask<RequestDetail>(`/api/requests/${requestId}`));
      }
    }
  }, 240_000);

  afterAll(async () => {
    await sidecar.remove();
    await upstream.close();
    await database.remove();
  });

  const faulty = (check: (one: Replayed, detail: RequestDetail) => boolean): string[] =>
    replayed.filter((one) => !check(one, details.get(one.exchange.id)!)).map((one) => one.exchange.id);

  test('every exchange has its own row, and there are no others', () => {
    expect(new Set(replayed.map((one) => one.requestId)).size).toBe(exchanges.length);
    expect(faulty((one) => one.requestId !== null && rows.has(one.requestId))).toEqual([]);
    expect(rows.size).toBe(exchanges.length);
  });

  test('the upstream got the bytes the client sent, the client those the upstream sent', () => {
    expect(
      faulty((one) => one.forwarded !== null && one.forwarded.equals(one.exchange.request.body)),
    ).toEqual([]);
    const answered = (one: Replayed) => one.exchange.response.status !== 0;
    expect(faulty((one) => !answered(one) || one.received.equals(one.exchange.response.body))).toEqual([]);
    expect(faulty((one) => one.status === (answered(one) ? one.exchange.response.status : 502))).toEqual([]);
  });

  test('request bodies are rebuilt to the byte', () => {
    const rebuilt = (detail: RequestDetail) =>
      detail.requestBody === null ? '' : JSON.stringify(detail.requestBody);
    expect(faulty((one, detail) => rebuilt(detail) === one.exchange.request.body.toString())).toEqual([]);
  });

  test('streams are rebuilt to the byte from their chunks', () => {
    const chunks = (detail: RequestDetail) => detail.streamingChunks.map((chunk) => chunk.data).join('');
    const streams = replayed.filter((one) => one.exchange.response.stream);
    expect(streams.length).toBeGreaterThan(300);
    expect(
      streams.filter((one) => chunks(details.get(one.exchange.id)!) !== one.received.toString()),
    ).toEqual([]);
  });

  test('whole responses come back as the message that passed', () => {
    const whole = replayed.filter(
      (one) => one.exchange.response.ended === 'complete' && !hasErrorEvent(one.exchange),
    );
    expect(whole.length).toBeGreaterThan(400);
    for (const { exchange } of whole) {
      expect(details.get(exchange.id)!.responseBody, exchange.id).toEqual(exchange.response.message);
    }
  });

  test('what was cut, refused or given up says so', () => {
    const states = (ended: string) =>
      new Set(
        replayed
          .filter((one) => one.exchange.response.ended === ended)
          .map((one) => details.get(one.exchange.id)!.state),
      );
    expect(states('aborted')).toEqual(new Set(['aborted']));
    expect(states('fault:disconnect')).toEqual(new Set(['failed']));
    expect(states('fault:no-head')).toEqual(new Set(['failed']));
    const refused = faulty((one, detail) => one.status < 400 || detail.state === 'failed');
    expect(refused).toEqual([]);
  });

  test('side calls are in no conversation', () => {
    const wrong = replayed.filter(
      ({ exchange }) =>
        exchange.truth.role === 'side-call' && details.get(exchange.id)!.conversationId !== null,
    );
    expect(wrong.map((one) => one.exchange.id)).toEqual([]);
  });

  test('conversations are the ones a user would name', () => {
    const groups = new Map<string, Set<string | null>>();
    for (const { exchange } of replayed) {
      const { group } = exchange.truth;
      if (group === null) continue;
      groups.set(group, (groups.get(group) ?? new Set()).add(details.get(exchange.id)!.conversationId));
    }
    const whole = [...groups.values()].filter((ids) => ids.size === 1 && !ids.has(null));
    const distinct = new Set(whole.flatMap((ids) => [...ids]));
    console.log(
      `${engine}: ${whole.length} of ${groups.size} conversations whole, ${distinct.size} of them apart`,
    );
    expect(whole.length / groups.size).toBeGreaterThanOrEqual(PARENTS_GOAL);
    expect(distinct.size / groups.size).toBeGreaterThanOrEqual(PARENTS_GOAL);
  });

  test('retries and sub-tasks are marked', () => {
    const linked = replayed.filter((one) => one.exchange.truth.role !== 'side-call');
    const wrong = linked.filter(({ exchange }) => {
      const { isSubtask, retryOf } = details.get(exchange.id)!;
      return (
        isSubtask !== exchange.truth.isSubtask || (retryOf !== null) !== (exchange.truth.retryOf !== null)
      );
    });
    if (wrong.length > 0) {
      console.log(`${engine}: marks differ on\n  ${wrong.map((one) => one.exchange.id).join('\n  ')}`);
    }
    expect(1 - wrong.length / linked.length).toBeGreaterThanOrEqual(PARENTS_GOAL);
  });

  test('parents are right', () => {
    const idOf = new Map(replayed.map((one) => [one.exchange.id, one.requestId]));
    const linked = replayed.filter((one) => one.exchange.truth.role !== 'side-call');
    const wrong = linked.filter(({ exchange }) => {
      const parent = parentOf(exchange);
      return details.get(exchange.id)!.parentRequestId !== (parent === null ? null : idOf.get(parent));
    });
    const share = 1 - wrong.length / linked.length;
    const list = wrong.map((one) => one.exchange.id).join('\n  ');
    console.log(
      `${engine}: ${linked.length - wrong.length} of ${linked.length} parents right (${(share * 100).toFixed(1)} %)` +
        (wrong.length === 0 ? '' : `; wrong:\n  ${list}`),
    );
    expect(share).toBeGreaterThanOrEqual(PARENTS_GOAL);
  });
});

const byId = new Map(exchanges.map((exchange) => [exchange.id, exchange]));

/** A retry has the parent of the first try. */
function parentOf(exchange: PooledExchange): string | null {
  const { parent, retryOf } = exchange.truth;
  return parent ?? (retryOf === null ? null : parentOf(byId.get(retryOf)!));
}

const hasErrorEvent = ({ response }: PooledExchange): boolean =>
  response.stream && response.body.includes('event: error\n');
