import { sql } from 'kysely';
import { textsOfItems, textsOfMessages, type MessageText } from '../core/search/message-texts.ts';
import { blocksOf, listOf, member, parseJson } from '../core/json.ts';
import { isUnavailable } from './availability.ts';
import { readBlock } from './blocks.ts';
import { readNodesAfter, type ReadNode } from './nodes.ts';
import { readMessage } from './read-exchange.ts';
import { readResponseHeaders } from './responses.ts';
import type { ExchangeTable, Store } from './tables.ts';

type Stored = Pick<
  ExchangeTable,
  | 'id'
  | 'parent_id'
  | 'messages_tip'
  | 'raw'
  | 'message_count'
  | 'streaming'
  | 'response_tip'
  | 'response_body'
  | 'response_headers'
  | 'response_header_values'
  | 'upstream_id'
> & {
  /** Of the request before it, and of the one that this one tries again: what they had is not new. */
  parent_count: number | null;
  before: Buffer[];
};

/**
 * The texts of turns, as `readTurnTexts`. One that cannot be read has none and is told: it must not keep the others from
 * being found.
 */
export async function readReadableTexts(
  db: Store,
  tenant: string,
  ids: readonly string[],
  onUnreadable: (id: string, error: unknown) => void,
): Promise<Map<string, MessageText[]>> {
  try {
    return await readTurnTexts(db, tenant, ids);
  } catch (error) {
    const [id] = ids;
    if (isUnavailable(error) || id === undefined) throw error;
    if (ids.length === 1) {
      onUnreadable(id, error);
      return new Map();
    }
    const half = ids.length >> 1;
    const first = await readReadableTexts(db, tenant, ids.slice(0, half), onUnreadable);
    return new Map([...first, ...(await readReadableTexts(db, tenant, ids.slice(half), onUnreadable))]);
  }
}

/**
 * The texts of turns: the messages that are new in each request, and its answer. In no order; requests that are not there
 * (any more) are left out. Requests that follow one another in a conversation are read together.
 */
async function readTurnTexts(
  db: Store,
  tenant: string,
  ids: readonly string[],
): Promise<Map<string, MessageText[]>> {
  const rows = new Map((await readRows(db, tenant, ids)).map((row) => [row.id, row]));
  const texts = new Map<string, MessageText[]>();
  const newestFirst = [...rows.values()].sort((a, b) => (a.id < b.id ? 1 : -1));
  for (const row of newestFirst) {
    if (texts.has(row.id)) continue;
    const line = [row];
    for (let above = parentOf(row, rows); above !== null; above = parentOf(above, rows)) line.push(above);
    for (const [id, found] of await readLine(db, tenant, line)) texts.set(id, found);
  }
  return texts;
}

function parentOf(row: Stored, rows: ReadonlyMap<string, Stored>): Stored | null {
  const parent = row.parent_id === null ? undefined : rows.get(row.parent_id);
  return parent !== undefined && parent.id < row.id ? parent : null;
}

/** `line`: each one's parent comes behind it. One walk up the chain, as far as all of them lie on it. */
async function readLine(db: Store, tenant: string, line: Stored[]): Promise<Map<string, MessageText[]>> {
  const texts = new Map<string, MessageText[]>();
  const [newest] = line;
  const tip = newest?.response_tip ?? newest?.messages_tip ?? null;
  const oldest = line.findLast((row) => row.messages_tip !== null);
  const nodes = tip === null ? [] : await readNodesAfter(db, tenant, tip, oldest?.before ?? []);
  const places = new Map(nodes.map(({ key }, place) => [nameOf(key), place]));
  for (const row of line) {
    const found =
      row === newest || liesOn(row, places) ? await readOne(db, tenant, row, nodes, places) : null;
    if (found !== null) texts.set(row.id, found);
  }
  return texts;
}

const liesOn = (row: Stored, places: ReadonlyMap<string, number>): boolean =>
  row.messages_tip !== null && places.has(nameOf(row.response_tip ?? row.messages_tip));

async function readOne(
  db: Store,
  tenant: string,
  row: Stored,
  nodes: ReadNode[],
  places: ReadonlyMap<string, number>,
): Promise<MessageText[]> {
  const end = row.messages_tip === null ? -1 : (places.get(nameOf(row.messages_tip)) ?? -1);
  const start = Math.max(-1, ...row.before.map((key) => places.get(nameOf(key)) ?? -1));
  const begins = start >= 0 || nodes[0] === undefined || nodes[0].depth > nodes[0].items.length;
  const own = nodes.slice(start + 1, end + 1).flatMap(({ items }) => items);
  const request =
    row.raw !== null
      ? textsOfMessages(
          fresh(
            listOf(member(parseJson((await readBlock(db, tenant, row.raw)).toString()), 'messages')),
            row,
          ),
        )
      : textsOfItems(begins || row.parent_count === null ? own : newestItems(own, row), 'user');
  return [...request, ...(await readAnswer(db, tenant, row, nodes, places, end))];
}

async function readAnswer(
  db: Store,
  tenant: string,
  row: Stored,
  nodes: ReadNode[],
  places: ReadonlyMap<string, number>,
  end: number,
): Promise<MessageText[]> {
  if (row.response_tip !== null) {
    const last = places.get(nameOf(row.response_tip)) ?? end;
    return textsOfItems(
      nodes.slice(end + 1, last + 1).flatMap(({ items }) => items),
      'assistant',
    );
  }
  if (row.response_body === null) return [];
  const bytes = await readBlock(db, tenant, row.response_body);
  const { body } = readMessage(await readResponseHeaders(db, tenant, row), bytes, row.streaming);
  return textsOfMessages([{ role: 'assistant', content: blocksOf(member(body, 'content')) }]);
}

/**
 * Of a request whose history is not what its parent had and got, byte by byte: what it has more of messages than that.
 * A shorter history is a new one.
 */
function fresh(messages: unknown[], { parent_count: before }: Stored): unknown[] {
  return before === null || messages.length <= before ? messages : messages.slice(before);
}

function newestItems(
  items: ReadNode['items'],
  { message_count: count, parent_count: before }: Stored,
): ReadNode['items'] {
  if (before === null || count <= before) return items;
  let more = count - before;
  const from = items.findLastIndex(({ shell }) => shell !== null && --more === 0);
  return items.slice(Math.max(0, from));
}

async function readRows(db: Store, tenant: string, ids: readonly string[]): Promise<Stored[]> {
  if (ids.length === 0) return [];
  type Row = Omit<Stored, 'before'> & { tips: (Buffer | null)[] } & Record<
      'tip_1' | 'tip_2' | 'tip_3' | 'tip_4',
      Buffer | null
    >;
  // One after the other by their keys, whatever the planner thinks of a tenant.
  const { rows } = await sql<Row>`
    select own.*, answer.response_tip, answer.response_body, answer.response_headers,
      answer.response_header_values, answer.upstream_id, parent.message_count as parent_count,
      parent.messages_tip as tip_1, parent.response_tip as tip_2, tried.messages_tip as tip_3,
      tried.response_tip as tip_4
    from unnest(${ids}::uuid[]) as asked (id)
    cross join lateral (
      select id, parent_id, retry_of, messages_tip, raw, message_count, streaming from request
      where tenant = ${tenant} and id = asked.id offset 0
    ) own
    left join lateral (
      select response_tip, response_body, response_headers, response_header_values, upstream_id from answer
      where tenant = ${tenant} and id = asked.id offset 0
    ) answer on true
    left join lateral (${tipsOf(tenant, 'parent_id')}) parent on true
    left join lateral (${tipsOf(tenant, 'retry_of')}) tried on true`.execute(db);
  return rows.map(({ tip_1, tip_2, tip_3, tip_4, ...row }) => ({
    ...row,
    before: [tip_1, tip_2, tip_3, tip_4].filter((tip) => tip !== null),
  }));
}

const tipsOf = (tenant: string, column: 'parent_id' | 'retry_of') => sql`
  select other.message_count, other.messages_tip, answer.response_tip
  from (
    select id, message_count, messages_tip from request
    where tenant = ${tenant} and id = ${sql.ref(`own.${column}`)} offset 0
  ) other
  left join lateral (
    select response_tip from answer where tenant = ${tenant} and id = other.id offset 0
  ) answer on true`;

const nameOf = (key: Buffer): string => key.toString('latin1');
