import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recordRequest, type RecordContext } from '../../src/sidecar/recorder/record.ts';
import { openDatabase, type Database } from '../../src/sidecar/store/database.ts';
import { failUnrecorded } from '../../src/sidecar/store/exchanges.ts';
import { getStats } from '../../src/sidecar/store/stats.ts';
import { dropUsageBefore, ensureUsageMonth } from '../../src/sidecar/store/usage.ts';
import { createTestDatabase, engines, migrationsDir, type TestDatabase } from '../support/databases.ts';
import { contextOf, exchangeOf, finish, recordWhole } from '../support/in-process.ts';
import { JSON_TYPE, messageOf, SSE, streamOf, text, turn, user } from '../support/messages.ts';
import { usePostgres } from '../support/postgres-suite.ts';
import type { ScriptedExchange } from '../support/recording.ts';

const NOVEMBER = Date.UTC(2026, 10, 21, 9, 30, 15);
const LAST_OF_JANUARY = Date.UTC(2024, 0, 31, 23, 59, 59, 999);

const server = usePostgres();

const scriptOf = (tenant: string, at: number, more: Partial<ScriptedExchange> = {}): ScriptedExchange => ({
  at,
  head: { tenant, domain: `${tenant}.example` },
  body: turn(`session-${tenant}`, [user(`question of ${String(at)}`)]),
  response: {
    headers: SSE,
    chunks: streamOf({
      content: [text('answer')],
      usage: {
        input_tokens: 3,
        output_tokens: 5,
        cache_read_input_tokens: 7,
        cache_creation_input_tokens: 30,
        cache_creation: { ephemeral_5m_input_tokens: 11, ephemeral_1h_input_tokens: 19 },
      },
    }),
  },
  ...more,
});

const usageOf = async ({ db }: Database, tenant: string): Promise<Record<string, unknown>[]> => {
  const { rows } = await sql<Record<string, unknown>>`
    select *, tableoid::regclass::text as partition from usage where tenant = ${tenant} order by at`.execute(
    db,
  );
  return rows;
};
const partitionsOf = async ({ db }: Database): Promise<string[]> => {
  const { rows } = await sql<{ name: string }>`
    select inhrelid::regclass::text as name from pg_inherits where inhparent = 'usage'::regclass order by 1`.execute(
    db,
  );
  return rows.map((row) => row.name);
};

describe.each(engines)('usage on %s', (engine) => {
  let made: TestDatabase;
  let database: Database;
  let other: Database;
  let context: RecordContext;
  beforeAll(async () => {
    made = await createTestDatabase(engine, server());
    database = await openDatabase(made.options);
    other = engine === 'pglite' ? database : await openDatabase(made.options);
    context = contextOf(database);
  });
  afterAll(async () => {
    if (other !== database) await other.close();
    await database.close();
    await made.remove();
  });

  it('has one row for an exchange that ended, in its month', async () => {
    const exchange = await exchangeOf(scriptOf('one', LAST_OF_JANUARY));
    await recordRequest(context, exchange);
    expect(await usageOf(database, 'one')).toEqual([]);
    exchange.dropRequest();
    await finish(context, exchange);
    await finish(context, exchange);
    const row = await database.db
      .selectFrom('exchange')
      .select(['account_id', 'stored_bytes'])
      .where('tenant', '=', 'one')
      .executeTakeFirstOrThrow();
    expect(row.stored_bytes).toBeGreaterThan(0);
    expect(await usageOf(database, 'one')).toEqual([
      {
        tenant: 'one',
        at: LAST_OF_JANUARY,
        exchange_id: exchange.head.id,
        account_id: row.account_id,
        domain: 'one.example',
        project: 'shop',
        type: 'inference',
        model: 'claude-test-1',
        state: 'completed',
        input_tokens: 3,
        output_tokens: 5,
        cache_read_tokens: 7,
        cache_creation_5m_tokens: 11,
        cache_creation_1h_tokens: 19,
        duration_ms: expect.any(Number) as number,
        stored_bytes: row.stored_bytes,
        partition: 'usage_2024_01',
      },
    ]);
  });

  it('counts every type, and what failed', async () => {
    await recordWhole(context, scriptOf('all', NOVEMBER, { response: { status: 529, chunks: ['{}'] } }));
    await recordWhole(context, {
      ...scriptOf('all', NOVEMBER + 1),
      head: { tenant: 'all', domain: 'all.example', path: '/v1/messages/count_tokens' },
      response: { headers: JSON_TYPE, chunks: ['{"input_tokens":12}'] },
    });
    const unrecorded = await exchangeOf(scriptOf('all', NOVEMBER + 2));
    await recordRequest(context, unrecorded);
    await failUnrecorded(database, 'all', unrecorded.head.id);
    await failUnrecorded(database, 'all', unrecorded.head.id);
    expect((await usageOf(database, 'all')).map(({ type, state }) => [type, state])).toEqual([
      ['inference', 'failed'],
      ['count_tokens', 'completed'],
      ['inference', 'failed'],
    ]);
  });

  it('stays true when content is deleted', async () => {
    await recordWhole(context, scriptOf('kept', NOVEMBER));
    await recordWhole(context, {
      ...scriptOf('kept', NOVEMBER + 60_000),
      response: { headers: JSON_TYPE, chunks: [JSON.stringify(messageOf({ content: [text('x')] }))] },
    });
    const query = { domain: 'kept.example' };
    const before = await getStats(database.db, query);
    expect(before).toMatchObject({
      requests: 2,
      errors: 0,
      inputTokens: 10,
      outputTokens: 124,
      cacheReadInputTokens: 7,
      cacheCreationInputTokens: 30,
      totalTokens: 134,
      since: null,
    });
    expect(before.conversations).toBeGreaterThan(0);
    await database.db.deleteFrom('request').where('tenant', '=', 'kept').execute();
    await database.db.deleteFrom('conversation').where('tenant', '=', 'kept').execute();
    expect(await getStats(database.db, query)).toEqual({ ...before, conversations: 0 });
    const since = new Date(NOVEMBER + 1).toISOString();
    expect(await getStats(database.db, { ...query, since })).toMatchObject({ requests: 1, since });
  });

  it('makes a month for two processes at once', async () => {
    const december = Date.UTC(2031, 11, 31, 23);
    await Promise.all(
      Array.from({ length: 8 }, (_, n) => ensureUsageMonth(n % 2 === 0 ? database : other, december)),
    );
    expect(await partitionsOf(database)).toContain('usage_2031_12');
    await recordWhole(contextOf(other), scriptOf('late', december));
    expect(await usageOf(database, 'late')).toMatchObject([{ partition: 'usage_2031_12' }]);
  });

  it('drops whole months, and takes a row of one that another process dropped', async () => {
    const march = Date.UTC(2020, 2, 1);
    await recordWhole(context, scriptOf('old', march - 1));
    await recordWhole(context, scriptOf('old', march));
    expect(await dropUsageBefore(other, march + 86_400_000)).toBe(1);
    expect((await usageOf(database, 'old')).map((row) => row['partition'])).toEqual(['usage_2020_03']);
    await recordWhole(context, scriptOf('old', march - 2));
    expect((await usageOf(database, 'old')).map((row) => row['partition'])).toEqual([
      'usage_2020_02',
      'usage_2020_03',
    ]);
    expect(await dropUsageBefore(other, march)).toBe(1);
    expect(await dropUsageBefore(other, march)).toBe(0);
  });
});

describe.each(engines)('a database from before usage on %s', (engine) => {
  it('gets its rows', async () => {
    const made = await createTestDatabase(engine, server());
    const first = await mkdtemp(join(tmpdir(), 'nexus-migrations-'));
    try {
      await cp(join(migrationsDir, '0001_exchanges.sql'), join(first, '0001_exchanges.sql'));
      const before = await openDatabase({ ...made.options, migrationsDir: first });
      await sql`insert into block (tenant, hash, codec, raw_size, kind, bytes)
        values ('local', sha256('h'), 0, 2, 'headers', '[]')`.execute(before.db);
      await sql`
        insert into exchange (tenant, id, domain, type, state, started_at, duration_ms, method, path, http_version,
          streaming, preview, asked, message_count, input_tokens, cache_creation_tokens, cache_creation_1h_tokens,
          request_headers, request_size, redactions, link_depth, link_version, link_signal, link_matched,
          link_candidates)
        select 'local', md5(n::text)::uuid, 'd', 'inference', state, at::timestamptz, 12, 'POST', '/v1/messages',
          '1.1', true, '', false, 1, n, 30, 19, sha256('h'), 0, '[]', 0, 1, 'none', 0, '[]'
        from (values
          (1, 'completed', '2025-12-31 23:59:59.999Z'), (2, 'failed', '2026-01-01 00:00:00Z'),
          (3, 'aborted', '2026-01-31 12:00:00Z'), (4, 'running', '2026-02-01 00:00:00Z')
        ) as made (n, state, at)`.execute(before.db);
      await before.close();

      const database = await openDatabase(made.options);
      const rows = await usageOf(database, 'local');
      expect(rows.map(({ partition, state, input_tokens: n }) => [partition, state, n])).toEqual([
        ['usage_2025_12', 'completed', 1],
        ['usage_2026_01', 'failed', 2],
        ['usage_2026_01', 'aborted', 3],
      ]);
      expect(rows[0]).toMatchObject({
        cache_creation_5m_tokens: 11,
        cache_creation_1h_tokens: 19,
        duration_ms: 12,
      });
      const exchanges = await database.db
        .selectFrom('exchange')
        .select(['state', 'input_tokens', 'duration_ms', 'tool_ids'])
        .orderBy('started_at')
        .execute();
      expect(exchanges).toEqual(
        ['completed', 'failed', 'aborted', 'running'].map((state, index) => ({
          state,
          // Nothing is known of a running one before it ends.
          input_tokens: state === 'running' ? 0 : index + 1,
          duration_ms: state === 'running' ? null : 12,
          tool_ids: null,
        })),
      );
      await recordWhole(contextOf(database), scriptOf('local', Date.UTC(2026, 0, 15)));
      expect(await partitionsOf(database)).toEqual(['usage_2025_12', 'usage_2026_01']);
      expect(await getStats(database.db, {})).toMatchObject({ requests: 4, errors: 1 });
      await database.close();
    } finally {
      await rm(first, { recursive: true, force: true });
      await made.remove();
    }
  });
});
