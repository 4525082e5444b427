import { sql } from 'kysely';
import { setTimeout as sleep } from 'node:timers/promises';
import { searchQuery } from '../../src/protocol/queries.ts';
import { openDatabase, type DatabaseOptions } from '../../src/sidecar/store/database.ts';
import type { Tx } from '../../src/sidecar/store/tables.ts';
import { startRecording, type Recording } from '../support/recording.ts';
import { conversation, journalFile } from './conversation.ts';
import { withDatabase, type BenchEngine } from './engines.ts';
import { quantile } from './load.ts';
import { milliseconds, note, shown, type Row } from './table.ts';

const GOAL_MS = 25;
const TURNS = 100;
const FIRST_DAY = Date.parse('2026-03-02T08:00:00Z');
const DAY_MS = 86_400_000;
const HITS = 20;
/** Stands in one turn of each conversation. */
const MARK = 'zeppelinFactory';
/** In three turns of one conversation. */
const RARE = 'wombatBurrow';

/** So many recorded conversations of 100 turns (200 messages), each there `copies` times. */
export interface SearchSize {
  conversations: number;
  copies: number;
  rounds: number;
}

/**
 * What a search takes in the recorder's thread, the way there and back included. The conversations are recorded, then copied by SQL: what is
 * copied lies at other times and has the same content, so that index, rows and reading are those of a store of that size.
 */
export async function measureSearch(engine: BenchEngine, size: SearchSize): Promise<Row[]> {
  return withDatabase(engine, async (database) => {
    for (let seed = 1; seed <= size.conversations; seed++) await record(database, seed, MARK, [40]);
    await copy(database.options, size);
    await record(database, size.conversations + 1, RARE, [20, 50, 80]);
    const recording = startRecording(database);
    try {
      const begun = performance.now();
      const { indexed, bytes } = await untilIndexed(recording);
      const took = performance.now() - begun;
      const messages = size.conversations * size.copies * TURNS * 2;
      const among = `${messages.toLocaleString('en')} messages (${engine})`;
      const rows: Row[] = [];
      for (const [what, q] of [
        ['a word of one conversation', RARE],
        ['a word of all conversations', MARK],
        ['two words', `${MARK} first`],
        ['a phrase of common words', '"the other side of"'],
        ['a common word', 'return'],
        ['a path', 'src file-3.ts'],
        ['nothing', 'xylophone'],
      ] as const) {
        rows.push(await askOften(recording, `search of ${among}: ${what}`, q, size.rounds));
      }
      rows.push(
        note(
          `the index of ${among}`,
          `${(bytes / indexed).toFixed(0)} bytes per turn in its files, written at ${shown(took / indexed)} ms per turn`,
          { bytesPerTurn: bytes / indexed, msPerTurn: took / indexed },
        ),
      );
      return rows;
    } finally {
      await recording.close();
    }
  });
}

async function askOften(recording: Recording, name: string, q: string, rounds: number): Promise<Row> {
  const query = searchQuery.parse({ q, limit: HITS });
  const ask = () => recording.read('search', query);
  const { hits, cut } = await ask();
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const begun = performance.now();
    await ask();
    times.push(performance.now() - begun);
  }
  const remark = `p99 ${shown(quantile(times, 0.99))} ms, ${String(hits.length)} hits${cut ? ', cut short' : ''}`;
  return milliseconds(`${name}, p50`, quantile(times, 0.5), GOAL_MS, remark);
}

/** Records one conversation, the word in those turns. */
async function record(
  database: { dataDir: string; databaseUrl: string | null },
  seed: number,
  word: string,
  marked: number[],
): Promise<void> {
  const recording = startRecording(database);
  try {
    const turns = conversation({ turns: TURNS, seed, at: FIRST_DAY + seed * DAY_MS });
    for (const [index, turn] of turns.entries()) {
      const has = marked.includes(index);
      const { id, bytes } = journalFile(has ? { ...turn, body: withWord(turn.body, word) } : turn);
      recording.writeRaw(id, bytes, { size: bytes.length, ended: true });
      while (recording.files().length > 3) await sleep(2);
    }
    await recording.recorder.drain();
  } finally {
    await recording.close();
  }
}

/** A user's text more, at the end of what one turn sends. */
function withWord(body: Buffer, word: string): Buffer {
  const parsed = JSON.parse(body.toString()) as { messages: { role: string; content: unknown[] }[] };
  parsed.messages.at(-1)!.content.push({ type: 'text', text: `Look at the ${word} first.` });
  return Buffer.from(JSON.stringify(parsed));
}

async function untilIndexed(recording: Recording): Promise<{ indexed: number; bytes: number }> {
  for (;;) {
    const { search, database } = await recording.read('getStorage');
    // Without the list of what waits: it was as long as the store, which happens once.
    const bytes = database.tables
      .filter(({ name }) => name === 'search_segment' || name === 'search_piece')
      .reduce((sum, table) => sum + table.bytes + table.indexBytes, 0);
    if (search.waiting === 0) return { indexed: search.indexed, bytes };
    await sleep(250);
  }
}

/** Copies all conversations, each time so many days later than the last one. */
async function copy(options: DatabaseOptions, { conversations, copies }: SearchSize): Promise<void> {
  const database = await openDatabase(options);
  try {
    for (let nth = 1; nth < copies; nth++) {
      const shift = nth * (conversations + 1) * DAY_MS;
      await database.db.transaction().execute((tx) => copyAll(tx, nth, shift));
    }
    await database.analyze(() => Promise.resolve());
  } finally {
    await database.close();
  }
}

async function copyAll(tx: Tx, nth: number, shift: number): Promise<void> {
  const later = (column: string) => sql.raw(`${column} + interval '${String(shift)} milliseconds'`);
  // The time of a UUID version 7, moved; the rest of it another one's.
  const id = (column: string) =>
    sql.raw(`(lpad(to_hex(('x' || substr(replace(${column}::text, '-', ''), 1, 12))::bit(48)::bigint + ${String(shift)}), 12, '0')
      || substr(md5(${column}::text || '${String(nth)}'), 1, 20))::uuid`);
  const whole = (column: string) => sql.raw(`md5(${column}::text || '${String(nth)}')::uuid`);
  // No triggers for this transaction: foreign keys are triggers.
  await sql`set local session_replication_role = replica`.execute(tx);
  const insert = async (
    table: string,
    changed: Record<string, ReturnType<typeof later>>,
    where: ReturnType<typeof sql>,
  ) => {
    const { rows } = await sql<{ name: string }>`
      select attname::text as name from pg_attribute
      where attrelid = ${table}::regclass and attnum > 0 and not attisdropped order by attnum`.execute(tx);
    const columns = rows.map(({ name }) => name);
    await sql`insert into ${sql.table(table)} (${sql.join(columns.map((name) => sql.ref(name)))})
      select ${sql.join(columns.map((name) => changed[name] ?? sql.ref(name)))} from ${sql.table(table)}
      where ${where}`.execute(tx);
  };
  // Only what was recorded: copies come when that has been put down.
  await sql`create table if not exists recorded as
    select tenant, id, conversation_id from request`.execute(tx);
  const own = sql`id in (select id from recorded)`;
  const ownConversation = sql`id in (select conversation_id from recorded)`;
  await insert(
    'conversation',
    {
      id: whole('id'),
      started_at: later('started_at'),
      last_at: later('last_at'),
      latest_id: id('latest_id'),
      latest_started_at: later('latest_started_at'),
    },
    ownConversation,
  );
  await insert(
    'request',
    {
      id: id('id'),
      conversation_id: whole('conversation_id'),
      parent_id: id('parent_id'),
      retry_of: id('retry_of'),
      started_at: later('started_at'),
    },
    own,
  );
  await insert('answer', { id: id('id') }, own);
  await sql`insert into unsearched (tenant, id)
    select tenant, ${id('id')} from recorded where conversation_id is not null`.execute(tx);
}
