import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeFrames } from '../../src/sidecar/core/frames.ts';
import { uuidV7 } from '../../src/sidecar/core/ids.ts';
import { OpenExchange } from '../../src/sidecar/recorder/open-exchange.ts';
import { Preparation } from '../../src/sidecar/recorder/preparation.ts';
import { recordRequest, type RecordContext } from '../../src/sidecar/recorder/record.ts';
import { readRequestBody } from '../../src/sidecar/store/contents.ts';
import { openDatabase, type Database } from '../../src/sidecar/store/database.ts';
import { createTestDatabase, engines, type TestDatabase } from '../support/databases.ts';
import { assistant, text, toolResult, toolUse, turn, user } from '../support/messages.ts';
import { usePostgres } from '../support/postgres-suite.ts';
import { journalOf, json } from '../support/recording.ts';

const server = usePostgres();
const START = Date.UTC(2026, 10, 23, 10);

/** The requests of a conversation whose newest message is marked, as Claude Code sends them. */
function bodyOf(turns: number): Buffer {
  const history = Array.from({ length: turns }, (_, n) => [
    user([toolResult(`t${String(n)}`, `${'some code → '.repeat(300)}${String(n)}`)]),
    assistant([text(`answer ${String(n)}`), toolUse(`t${String(n + 1)}`, 'Bash', { n })]),
  ]).flat();
  const newest = { ...toolResult(`t${String(turns)}`, 'new'), cache_control: { type: 'ephemeral' } };
  return json(turn('session', [...history, user([newest])]));
}

describe.each(engines)('preparing from stored bodies on %s', (engine) => {
  let made: TestDatabase;
  let database: Database;
  beforeAll(async () => {
    made = await createTestDatabase(engine, server());
    database = await openDatabase(made.options);
  });
  afterAll(async () => {
    await database.close();
    await made.remove();
  });

  /** Records a request in this process, and says how many of its message nodes it went on from. */
  async function record(tenant: string, preparation: Preparation, turns: number, body = bodyOf(turns)) {
    const context: RecordContext = {
      database,
      salt: 'made-up',
      preparation,
      pause: () => Promise.resolve(),
    };
    const at = START + turns * 60_000;
    const id = uuidV7(at);
    const { frames } = decodeFrames(journalOf({ id, at, body, head: { tenant }, end: null }).bytes);
    const exchange = new OpenExchange(frames[0]!, { mode: 'own', ownSecrets: [] });
    for (const frame of frames) await exchange.take(frame);
    const found = preparation.prepare(exchange.head, exchange.body).body;
    await recordRequest(context, exchange);
    const row = await database.db
      .selectFrom('exchange')
      .selectAll()
      .where('tenant', '=', tenant)
      .where('id', '=', id)
      .executeTakeFirstOrThrow();
    return { id, row, depth: found.kind === 'chains' ? (found.messages.base?.depth ?? 0) : 0 };
  }

  const columns = (row: Awaited<ReturnType<typeof record>>['row']): unknown => ({
    tips: [row.template, row.overlay, row.messages_tip, row.system_tip, row.tools_tip, row.raw],
    link: [row.request_link, row.link_depth, row.link_signal, row.link_matched],
    shown: [row.preview, row.asked, row.message_count, row.tool_ids, row.session_id],
  });
  const nodes = async (tenant: string): Promise<unknown[]> => {
    const { rows } = await sql`select key, parent, block, shell, depth, dictionary_from, run from node
      where tenant = ${tenant} order by key`.execute(database.db);
    return rows;
  };

  it('stores the same rows as preparing each request in full', async () => {
    const remembering = new Preparation({ smallestBody: 0 });
    for (let turns = 1; turns <= 8; turns++) {
      const one = await record('remembering', remembering, turns);
      const other = await record('in-full', new Preparation(), turns);
      expect(columns(one.row)).toEqual(columns(other.row));
      expect([one.depth, other.depth]).toEqual([3 * (turns - 1), 0]);
      expect(await readRequestBody(database.db, 'remembering', one.row)).toEqual(bodyOf(turns));
    }
    expect(await nodes('remembering')).toEqual(await nodes('in-full'));
  });

  it('prepares in full again when what it goes on from was deleted', async () => {
    const tenant = 'deleting';
    const preparation = new Preparation({ smallestBody: 0 });
    await record(tenant, preparation, 4);
    await database.db.transaction().execute(async (tx) => {
      for (const table of ['invocation', 'request', 'conversation', 'envelope', 'node', 'block']) {
        await sql`delete from ${sql.table(table)} where tenant = ${tenant}`.execute(tx);
      }
    });
    const next = await record(tenant, preparation, 5);
    expect(next.depth).toBeGreaterThan(0);
    expect(await readRequestBody(database.db, tenant, next.row)).toEqual(bodyOf(5));
    // The request that was stored in full is what the next one goes on from.
    const after = await record(tenant, preparation, 6);
    expect(after.depth).toBeGreaterThan(next.depth);
    expect(await readRequestBody(database.db, tenant, after.row)).toEqual(bodyOf(6));
  });
});
