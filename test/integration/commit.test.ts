import { sql, type KyselyPlugin } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recordRequest } from '../../src/sidecar/recorder/record.ts';
import { readRequestBody } from '../../src/sidecar/store/contents.ts';
import { openDatabase, type Database } from '../../src/sidecar/store/database.ts';
import { BLOCK_BYTES, NODE_BYTES } from '../../src/sidecar/store/row-costs.ts';
import { createTestDatabase, engines, type TestDatabase } from '../support/databases.ts';
import { contextOf, exchangeOf, recordWhole } from '../support/in-process.ts';
import { assistant, SSE, streamOf, text, toolUse, turn, user } from '../support/messages.ts';
import { usePostgres } from '../support/postgres-suite.ts';
import { json, type ScriptedExchange } from '../support/recording.ts';
import { until } from '../support/until.ts';

const T0 = Date.UTC(2026, 10, 21, 9, 30, 15);
const LONG = 'The same long instructions on every turn. '.repeat(200);

const server = usePostgres();

/** The nth turn of a session: all turns before it, and a question. */
function scriptOf(session: string, length: number, tenant = 'local'): ScriptedExchange {
  const messages = Array.from({ length }, (_, n) => [
    user(`question ${String(n)} of ${session}`),
    assistant([text(`answer ${String(n)} of ${session}`)]),
  ]).flat();
  return {
    at: T0 + length * 60_000,
    head: { tenant },
    body: turn(session, [...messages, user(`question ${String(length)} of ${session}`)], {
      system: [{ type: 'text', text: LONG }],
    }),
    response: {
      headers: SSE,
      chunks: streamOf({
        id: `msg_${session}_${String(length)}`,
        content: [text(`answer ${String(length)} of ${session}`)],
      }),
    },
  };
}

async function bodyOf({ db }: Database, id: string): Promise<Buffer | null> {
  const row = await db.selectFrom('exchange').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
  return readRequestBody(db, row.tenant, row);
}

/** As housekeeping does it, without telling the process that holds `known`. */
async function deleteEverything({ db }: Pick<Database, 'db'>, tenant: string): Promise<void> {
  for (const table of ['request', 'branch', 'conversation', 'envelope', 'node', 'block'] as const) {
    await db.deleteFrom(table).where('tenant', '=', tenant).execute();
  }
}

/** The same database, noting how many statements it is asked. */
function counting(database: Database): { database: Database; statements: () => number } {
  let count = 0;
  const plugin: KyselyPlugin = {
    transformQuery({ node }) {
      count++;
      return node;
    },
    transformResult: ({ result }) => Promise.resolve(result),
  };
  return { database: { ...database, db: database.db.withPlugin(plugin) }, statements: () => count };
}

describe.each(engines)('commits on %s', (engine) => {
  let made: TestDatabase;
  let database: Database;
  /** Another process's connection to the same database; the same one where there can only be one. */
  let other: Database;
  beforeAll(async () => {
    made = await createTestDatabase(engine, server());
    database = await openDatabase(made.options);
    other = engine === 'pglite' ? database : await openDatabase(made.options);
  });
  afterAll(async () => {
    if (other !== database) await other.close();
    await database.close();
    await made.remove();
  });

  it('asks little for a turn that goes on', async () => {
    const { database: counted, statements } = counting(database);
    const context = contextOf(counted);
    for (let length = 0; length < 3; length++) await recordWhole(context, scriptOf('few', length, 'few'));
    const before = statements();
    await recordWhole(context, scriptOf('few', 3, 'few'));
    const lock = engine === 'pglite' ? 0 : 2;
    // Request: is it there, new content, link, place and row. End: its row, new content, end.
    expect(statements() - before).toBeLessThanOrEqual(7 + lock);
  });

  it('lets others read between its steps, and never within a transaction', async () => {
    let pauses = 0;
    const pause = async (): Promise<void> => {
      pauses++;
      // On PGlite's one connection this would wait for ever for the end of a transaction.
      await sql`select 1`.execute(database.db);
    };
    const context = { ...contextOf(database), pause };
    await recordWhole(context, scriptOf('paused', 1, 'paused'));
    expect(pauses).toBeGreaterThanOrEqual(4);
    if (engine !== 'pglite') return;
    pauses = 0;
    await database.analyze(pause);
    expect(pauses).toBeGreaterThan(5);
    const { rows } = await sql<{ n: number }>`
      select reltuples::integer as n from pg_class where relname = 'request'`.execute(database.db);
    expect(rows[0]!.n).toBeGreaterThan(0);
  });

  it('does not store again what is stored', async () => {
    const context = contextOf(database);
    await recordWhole(context, scriptOf('once', 3, 'once'));
    await recordWhole(context, scriptOf('once', 4, 'once'));
    const rows = await database.db
      .selectFrom('exchange')
      .select('stored_bytes')
      .where('tenant', '=', 'once')
      .orderBy('started_at')
      .execute();
    const { rows: blocks } = await sql<{ n: number }>`
      select sum(octet_length(bytes)) + count(*) * ${BLOCK_BYTES}::integer as n from block where tenant = 'once'`.execute(
      database.db,
    );
    const { rows: nodes } = await sql<{
      n: number;
    }>`select sum(coalesce(octet_length(run), 0) + ${NODE_BYTES}::integer) as n from node where tenant = 'once'`.execute(
      database.db,
    );
    const [first, second] = rows.map((row) => row.stored_bytes);
    expect(first! + second!).toBe(blocks[0]!.n + nodes[0]!.n);
    expect(second).toBeLessThan(first!);
  });

  it('stores again what was taken for stored and is gone', async () => {
    const context = contextOf(database);
    await recordWhole(context, scriptOf('gone', 3, 'gone'));
    await deleteEverything(other, 'gone');
    const next = scriptOf('gone', 4, 'gone');
    expect(await bodyOf(database, await recordWhole(context, next))).toEqual(json(next.body));
  });

  it('is recorded once, however often it is tried', async () => {
    const context = contextOf(database);
    const script = { ...scriptOf('twice', 1, 'twice'), id: '01890000-0000-7000-8000-0000000000aa' };
    await recordWhole(context, script);
    await recordWhole(contextOf(other), script);
    const conversations = await database.db
      .selectFrom('conversation')
      .selectAll()
      .where('tenant', '=', 'twice')
      .execute();
    expect(conversations).toHaveLength(1);
    expect(conversations[0]).toMatchObject({ request_count: 1, total_tokens: 126 });
  });

  it('gives fifty children of one parent one conversation and one heir', async () => {
    const contexts = [contextOf(database), contextOf(other)];
    await recordWhole(contexts[0]!, scriptOf('fifty', 0, 'fifty'));
    const children = await Promise.all(
      Array.from({ length: 50 }, (_, n) => {
        const script = scriptOf('fifty', 1, 'fifty');
        const { messages } = script.body as { messages: unknown[] };
        const question = user(`and this? ${String(n)}`);
        return exchangeOf({
          ...script,
          at: script.at + n,
          body: { ...(script.body as object), messages: [...messages.slice(0, -1), question] },
        });
      }),
    );
    await Promise.all(children.map((child, n) => recordRequest(contexts[n % 2]!, child)));
    const rows = await database.db.selectFrom('exchange').selectAll().where('tenant', '=', 'fifty').execute();
    expect(rows).toHaveLength(51);
    expect(new Set(rows.map((row) => row.conversation_id)).size).toBe(1);
    expect(rows.filter((row) => row.branch_id === 'main')).toHaveLength(2);
    const conversations = await database.db
      .selectFrom('conversation')
      .select('request_count')
      .where('tenant', '=', 'fifty')
      .execute();
    expect(conversations).toEqual([{ request_count: 51 }]);
  });

  it('never deadlocks over the same content in another order', async () => {
    const contexts = [contextOf(database), contextOf(other)];
    const blocks = Array.from({ length: 30 }, (_, n) => text(`block ${String(n)} ${LONG}`));
    const ids = await Promise.all(
      Array.from({ length: 16 }, (_, n) => {
        const content = n % 2 === 0 ? blocks : [...blocks].reverse();
        const answer = assistant([toolUse(`toolu_${String(n)}`, 'Read', {})]);
        return recordWhole(contexts[n % 2]!, {
          ...scriptOf(`order-${String(n)}`, 0, 'order'),
          body: turn(`order-${String(n)}`, [user(content), answer, user('go on')]),
        });
      }),
    );
    expect(new Set(ids).size).toBe(16);
    const { rows } = await sql<{ n: number }>`
      select count(*) as n from exchange where tenant = 'order' and state = 'completed'`.execute(database.db);
    expect(rows).toEqual([{ n: 16 }]);
  });
});

describe.each(engines.filter((name) => name !== 'pglite'))('two sidecars on %s', (engine) => {
  let made: TestDatabase;
  let mine: Database;
  let theirs: Database;
  beforeAll(async () => {
    made = await createTestDatabase(engine, server());
    mine = await openDatabase(made.options);
    theirs = await openDatabase(made.options);
  });
  afterAll(async () => {
    await mine.close();
    await theirs.close();
    await made.remove();
  });

  it('lets one delete what the other is about to refer to', async () => {
    const context = contextOf(mine);
    await recordWhole(context, scriptOf('race', 3));
    const next = scriptOf('race', 4);
    const exchange = await exchangeOf(next);
    let recording: Promise<unknown> = Promise.resolve();
    await theirs.db.transaction().execute(async (tx) => {
      await deleteEverything({ db: tx }, 'local');
      recording = recordRequest(context, exchange);
      // It waits for this transaction, having taken what is deleted here for stored.
      await until('A recorder that waits', 20_000, async () => {
        const { rows } = await sql`select 1 from pg_stat_activity
          where wait_event_type = 'Lock' and datname = current_database()`.execute(theirs.db);
        return rows[0];
      });
    });
    await recording;
    expect(await bodyOf(mine, exchange.head.id)).toEqual(json(next.body));
  });
});
