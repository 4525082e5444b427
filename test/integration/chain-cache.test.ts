import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ChainCache } from '../../src/sidecar/store/chain-cache.ts';
import { openDatabase, type Database } from '../../src/sidecar/store/database.ts';
import { readBodyOf, readExchange } from '../../src/sidecar/store/read-exchange.ts';
import { createTestDatabase, engines, type TestDatabase } from '../support/databases.ts';
import { contextOf, recordWhole } from '../support/in-process.ts';
import { assistant, SSE, streamOf, text, toolResult, toolUse, turn, user } from '../support/messages.ts';
import { usePostgres } from '../support/postgres-suite.ts';

const server = usePostgres();
/** More than a trail has runs, so that dictionaries begin anew on the way. */
const TURNS = 70;

describe.each(engines)('chains that go on, on %s', (engine) => {
  let test: TestDatabase;
  let database: Database;
  const ids: string[] = [];

  beforeAll(async () => {
    test = await createTestDatabase(engine, server());
    database = await openDatabase(test.options);
    const context = contextOf(database);
    const history: unknown[] = [];
    const write = async (messages: unknown[], content: Record<string, unknown>[]): Promise<void> => {
      const script = { at: Date.UTC(2026, 10, 19) + ids.length * 1000, body: turn('s', messages) };
      ids.push(
        await recordWhole(context, { ...script, response: { headers: SSE, chunks: streamOf({ content }) } }),
      );
    };
    for (let n = 0; n < TURNS; n++) {
      const call = toolUse(`toolu_${n}`, 'Read', { file_path: `/a/${n}.ts` });
      history.push(
        user(n === 0 ? 'begin' : [toolResult(`toolu_${n - 1}`, `line ${n} of a file\n`.repeat(40))]),
      );
      await write(history, [text(`answer ${n}`), call]);
      // Every tenth turn is asked in another way too: a branch.
      if (n % 10 === 9) await write([...history.slice(0, -1), user(`or rather ${n}`)], [text('so')]);
      history.push(assistant([text(`answer ${n}`), call]));
    }
  });
  afterAll(async () => {
    await database.close();
    await test.remove();
  });

  it.each([
    ['in order', (all: string[]) => all],
    ['backwards', (all: string[]) => all.toReversed()],
    ['here and there', (all: string[]) => all.map((_, index) => all[(index * 29) % all.length]!)],
  ])('give the same bodies and answers, read %s', async (_name, order) => {
    const chains = new ChainCache();
    const fields = ['responseBody', 'streamingChunks'];
    for (const id of order(ids)) {
      const whole = await readBodyOf(database.db, id);
      expect(await readBodyOf(database.db, id, chains.read)).toEqual(whole);
      expect(await readExchange(database.db, id, fields, { chains })).toEqual(
        await readExchange(database.db, id, fields),
      );
    }
  });

  it('of nothing are refused', async () => {
    const chains = new ChainCache();
    expect(await chains.read(database.db, 'local', null)).toEqual([]);
    await expect(chains.read(database.db, 'local', Buffer.alloc(20))).rejects.toThrow('not in the store');
  });
});
