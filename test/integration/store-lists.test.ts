import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { conversationQuery, requestQuery } from '../../src/protocol/queries.ts';
import type { ConversationRow, RequestRow } from '../../src/protocol/rows.ts';
import { createTestDatabase, engines, type TestDatabase } from '../support/databases.ts';
import { usePostgres } from '../support/postgres-suite.ts';
import { assistant, JSON_TYPE, SSE, streamOf, text, turn, user } from '../support/messages.ts';
import { startRecording, type Recording } from '../support/recording.ts';
import { until } from '../support/until.ts';

const T0 = Date.UTC(2026, 10, 19, 10);
const hour = (n: number): string => new Date(T0 + n * 3_600_000).toISOString();

const server = usePostgres();

describe.each(engines)('lists on %s', (engine) => {
  let database: TestDatabase;
  let recording: Recording;
  const ids: string[] = [];

  beforeAll(async () => {
    database = await createTestDatabase(engine, server());
    recording = startRecording(database);
    // Twelve conversations, one an hour: two projects, two domains, three models, every third one fails.
    for (let n = 0; n < 12; n++) {
      const failed = n % 3 === 2;
      const question = user(n === 4 ? 'a 100% special_case' : `question number ${String(n)}`);
      const { id } = recording.write({
        at: T0 + n * 3_600_000,
        head: { project: n % 2 === 0 ? 'shop' : 'blog', domain: n < 6 ? 'localhost:3000' : 'team.example' },
        body: turn(`session-${String(n)}`, [question], { model: `claude-${String(n % 3)}` }),
        response: failed
          ? {
              status: 500,
              headers: JSON_TYPE,
              chunks: ['{"type":"error","error":{"type":"api_error","message":"no"}}'],
            }
          : { headers: SSE, chunks: streamOf({ content: [text(`answer ${String(n)}`)] }) },
      });
      ids.push(id);
    }
    const history = [user('question number 0'), assistant([text('answer 0')])];
    for (const [n, next] of ['then this', 'or rather that'].entries()) {
      recording.write({
        at: T0 + (20 + n) * 3_600_000,
        body: turn('session-0', [...history, user(next)], { model: 'claude-0' }),
        response: { headers: SSE, chunks: streamOf({ content: [text('fine')] }) },
      });
    }
    recording.write({
      at: T0 + 30 * 3_600_000,
      head: { path: '/v1/messages/count_tokens', project: 'blog' },
      body: { model: 'claude-1', messages: [user('count')] },
      response: { headers: JSON_TYPE, chunks: ['{"input_tokens":5}'] },
    });
    await recording.recorder.drain();
    expect(recording.logs.filter((line) => line.startsWith('error'))).toEqual([]);
  });
  afterAll(async () => {
    await recording.close();
    await database.remove();
  });

  const requests = async (query: Record<string, unknown>): Promise<RequestRow[]> =>
    (await recording.read('listRequests', requestQuery.parse(query))).requests;
  const conversations = async (query: Record<string, unknown>): Promise<ConversationRow[]> =>
    (await recording.read('listConversations', conversationQuery.parse(query))).conversations;
  /** The numbers of the conversations, as they were made. */
  const numbers = (rows: ConversationRow[]): number[] =>
    rows.map((row) => Math.round((Date.parse(row.firstMessageTime) - T0) / 3_600_000));

  it.each([
    [{}, [0, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1]],
    [{ project: 'blog' }, [11, 9, 7, 5, 3, 1]],
    [{ domain: 'team.example' }, [11, 10, 9, 8, 7, 6]],
    [{ model: 'claude-2' }, [11, 8, 5, 2]],
    [{ state: 'failed' }, [11, 8, 5, 2]],
    [{ branchKind: 'branch' }, [0]],
    [{ search: 'QUESTION number 1' }, [11, 10, 1]],
    [{ search: 'rather that' }, [0]],
    [{ search: '100%' }, [4]],
    [{ search: 'special_case' }, [4]],
    [{ search: 'specialXcase' }, []],
    [{ dateFrom: hour(9), dateTo: hour(11) }, [0, 10, 9]],
    [{ project: 'shop', state: 'failed', dateTo: hour(5) }, [2]],
    [{ accountId: 'acc_000000000000' }, []],
  ])('finds conversations by %j', async (query, expected) => {
    expect(numbers(await conversations(query))).toEqual(expected);
  });

  it.each([
    [{}, 15],
    [{ type: 'count_tokens' }, 1],
    [{ type: 'inference' }, 14],
    [{ status: 'error' }, 4],
    [{ status: 'success' }, 11],
    [{ status: '500' }, 4],
    [{ state: 'running' }, 0],
    [{ project: 'blog' }, 7],
    [{ model: 'claude-1' }, 5],
    [{ dateFrom: hour(20) }, 3],
    [{ dateFrom: hour(0), dateTo: hour(1) }, 1],
    [{ branchId: 'main', dateFrom: hour(20) }, 1],
  ])('finds requests by %j', async (query, expected) => {
    expect(await requests(query)).toHaveLength(expected);
  });

  it('finds the requests of a conversation', async () => {
    const [row] = await requests({ dateFrom: hour(0), dateTo: hour(1) });
    const rows = await requests({ conversationId: row!.conversationId });
    expect(rows.map((one) => one.preview)).toEqual(['or rather that', 'then this', 'question number 0']);
    expect(new Set(rows.map((one) => one.accountId)).size).toBe(1);
    expect(await requests({ accountId: row!.accountId! })).toHaveLength(14);
  });

  it.each([1, 4, 5, 15])('pages through all requests %i at a time', async (limit) => {
    const whole = await requests({});
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await recording.read('listRequests', requestQuery.parse({ limit, cursor }));
      expect(page.requests.length).toBeLessThanOrEqual(limit);
      seen.push(...page.requests.map((row) => row.requestId));
      cursor = page.pagination.nextCursor ?? undefined;
    } while (cursor !== undefined);
    expect(seen).toEqual(whole.map((row) => row.requestId));
    expect(new Set(seen).size).toBe(15);
  });

  it('pages through conversations, with a filter', async () => {
    const seen: number[] = [];
    let cursor: string | undefined;
    do {
      const page = await recording.read(
        'listConversations',
        conversationQuery.parse({ limit: 4, cursor, project: 'shop' }),
      );
      seen.push(...numbers(page.conversations));
      cursor = page.pagination.nextCursor ?? undefined;
    } while (cursor !== undefined);
    expect(seen).toEqual([0, 10, 8, 6, 4, 2]);
  });

  it('keeps totals that equal the sum of their requests', async () => {
    for (const row of await conversations({})) {
      const own = await requests({ conversationId: row.conversationId });
      const sum = (value: (request: RequestRow) => number): number =>
        own.reduce((total, one) => total + value(one), 0);
      expect(row).toMatchObject({
        requestCount: own.length,
        totalTokens: sum((one) => one.totalTokens),
        contextTokens: sum((one) => one.contextTokens),
        errorCount: own.filter((one) => one.state === 'failed').length,
        messageCount: Math.max(...own.map((one) => one.messageCount)),
        latestRequestId: own[0]!.requestId,
        branchCount: new Set(own.map((one) => one.branchId)).size,
      });
    }
  });

  it('counts everything in the totals', async () => {
    expect(await recording.read('getStats', {})).toEqual({
      since: null,
      requests: 15,
      conversations: 12,
      errors: 4,
      inputTokens: 70,
      outputTokens: 1190,
      totalTokens: 1260,
      cacheReadInputTokens: 0,
      cacheCreationInputTokens: 0,
    });
    expect(await recording.read('getStats', { domain: 'team.example', since: hour(8) })).toMatchObject({
      requests: 4,
      errors: 2,
    });
    expect(await recording.read('getStats', { domain: 'nowhere' })).toMatchObject({
      requests: 0,
      totalTokens: 0,
    });
  });

  it('sends only the fields that were asked for', async () => {
    expect(await recording.read('getRequest', ids[0]!, ['preview', 'requestBody'])).toEqual({
      requestId: ids[0],
      preview: 'question number 0',
      requestBody: turn('session-0', [user('question number 0')], { model: 'claude-0' }),
    });
  });

  it('finds what runs for as long as it does, and any status', async () => {
    const script = {
      at: T0 + 40 * 3_600_000,
      body: turn('session-running', [user('take your time')]),
      response: { status: 304, headers: JSON_TYPE, chunks: [] },
    };
    const { id } = recording.write({ ...script, end: null });
    await until('the running one', 60_000, async () =>
      (await requests({})).some((row) => row.requestId === id) ? true : undefined,
    );
    const ofIt = { state: 'running', requestId: id };
    expect(await requests({ state: 'running' })).toMatchObject([ofIt]);
    expect(numbers(await conversations({ state: 'running' }))).toEqual([40]);
    expect(await requests({ status: '304' })).toEqual([]);
    recording.write({ ...script, id });
    await recording.recorder.drain();
    expect(await requests({ state: 'running' })).toEqual([]);
    expect(await conversations({ state: 'running' })).toEqual([]);
    expect(await requests({ status: '304' })).toMatchObject([{ requestId: id }]);
    expect(await requests({ status: '204' })).toEqual([]);
  });
});
