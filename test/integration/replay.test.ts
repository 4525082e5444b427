import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type {
  ConversationDetail,
  LinkExplanation,
  RequestDetail,
  RequestPage,
  RequestRow,
} from '../../src/protocol/rows.ts';
import type { SidecarStatus } from '../../src/protocol/status.ts';
import { readRequest } from '../../src/sidecar/core/read-request.ts';
import { createTestDatabase, engines, type TestDatabase } from '../support/databases.ts';
import { COLUMNS, score, type Column, type Linked } from '../support/link-score.ts';
import { usePostgres } from '../support/postgres-suite.ts';
import { pooledCaptures, type PooledExchange } from '../support/pooled.ts';
import { replayUpstream, type Replayed, type ReplayUpstream } from '../support/replay.ts';
import { startSidecar, type TestSidecar } from '../support/sidecar.ts';
import { until } from '../support/until.ts';

const exchanges = pooledCaptures();

const server = usePostgres();

describe.each(engines)('all captures through the sidecar, in one store: %s', (engine) => {
  let upstream: ReplayUpstream;
  let sidecar: TestSidecar;
  let database: TestDatabase;
  const replayed: Replayed[] = [];
  const rows = new Map<string, RequestRow>();
  const details = new Map<string, RequestDetail>();
  const links = new Map<string, LinkExplanation>();
  const conversations = new Map<string, ConversationDetail>();
  /** The names of exchanges, by request id. */
  const names = new Map<string, string>();

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
      if (used.version === null) return undefined;
      const on = `${used.engine} ${used.version}`;
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
        links.set(requestId, await ask<LinkExplanation>(`/api/requests/${requestId}/link`));
        names.set(requestId, exchange.id);
      }
    }
    for (const id of new Set(Array.from(rows.values(), ({ conversationId }) => conversationId))) {
      if (id !== null) conversations.set(id, await ask<ConversationDetail>(`/api/conversations/${id}`));
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

  test('parents, retries, branches, sub-tasks, compactions, side calls and conversations are as they were', () => {
    const scores = score(
      replayed.map(({ exchange, requestId }) => ({ exchange, result: linkedOf(requestId!) })),
    );
    expect(scores.flatMap(({ wrong }) => wrong)).toEqual([]);
    const sum = (column: Column): number =>
      scores.reduce((all, { columns }) => all + columns[column].right, 0);
    expect(Object.fromEntries(COLUMNS.map((column) => [column, sum(column) > 0]))).toEqual(
      Object.fromEntries(COLUMNS.map((column) => [column, true])),
    );
  });

  test('a conversation shows the side calls of its sessions, and no others', () => {
    const sessionOf = new Map(replayed.map(({ exchange, requestId }) => [requestId!, sessionIn(exchange)]));
    const side = replayed.filter(({ exchange }) => exchange.truth.role === 'side-call');
    let shown = 0;
    for (const { requests, sideCalls } of conversations.values()) {
      const sessions = new Set(requests.map(({ requestId }) => sessionOf.get(requestId) ?? null));
      const own = side.filter(({ exchange }) => {
        const session = sessionIn(exchange);
        return session !== null && sessions.has(session);
      });
      expect(sideCalls.map(({ requestId }) => requestId).toSorted()).toEqual(
        own.map(({ requestId }) => requestId).toSorted(),
      );
      shown += sideCalls.length;
    }
    expect(shown).toBeGreaterThan(150);
  });

  /** What `score` compares, from what the API says. */
  function linkedOf(requestId: string): Linked {
    const row = rows.get(requestId)!;
    const tree = row.conversationId === null ? undefined : conversations.get(row.conversationId);
    const opens = tree?.branches.find(
      (branch) => branch.branchId === row.branchId && branch.firstRequestId === requestId,
    );
    const call = tree?.invocations.find(
      ({ branchId, parentRequestId }) =>
        parentRequestId === row.parentRequestId &&
        row.branchId?.replace(/^(subtask_\d+)_\d+$/, '$1') === branchId,
    );
    const idOf = (id: string | null): string | null => (id === null ? null : (names.get(id) ?? id));
    return {
      conversationId: row.conversationId,
      branchId: row.branchId,
      facts: { requestType: row.requestType },
      decision: {
        signal: links.get(requestId)!.signal,
        parentRequestId: idOf(row.parentRequestId),
        retryOf: idOf(row.retryOf),
        isSubtask: row.isSubtask,
        toolUseId: call?.toolUseId ?? null,
        branch: { kind: opens?.kind ?? 'same', id: row.branchId ?? '', isNew: opens !== undefined },
      },
    };
  }
});

/** The session that an exchange names, in whatever way. */
function sessionIn({ request }: PooledExchange): string | null {
  const body: unknown = request.body.length === 0 ? undefined : JSON.parse(request.body.toString());
  return readRequest({ ...request, body }).sessionId;
}

const hasErrorEvent = ({ response }: PooledExchange): boolean =>
  response.stream && response.body.includes('event: error\n');
