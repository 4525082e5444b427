import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import type { LinkQuery } from '../../src/sidecar/core/facts.ts';
import { linkVersion } from '../../src/sidecar/recorder/request-chain.ts';
import { findLinkCandidates } from '../../src/sidecar/store/candidates.ts';
import { openDatabase, type DatabaseOptions } from '../../src/sidecar/store/database.ts';
import type { Store, Tx } from '../../src/sidecar/store/tables.ts';

/** Requests of one made conversation. */
const LENGTH = 40;
/** Links that a turn adds to the chain: an answer of two blocks, a result and a reminder. */
const LINKS_PER_TURN = 3;
/** Rows that are inserted at once. */
const SLICE = 50_000;

export interface LookupTimes {
  exchanges: number;
  /** ms of all look-ups for a request that goes on with a stored conversation. */
  continued: number[];
  /** … that opens a conversation: nothing is found, so everything is asked. */
  opened: number[];
}

/**
 * Fills a new database step by step to each of `sizes` (ascending) and measures the link finder at each of them, in
 * conversations from all over the store. About 1.3 KB of disk for an exchange: 1.3 GB for a million.
 */
export async function measureLookups(
  options: DatabaseOptions,
  sizes: number[],
  rounds: number,
): Promise<LookupTimes[]> {
  const database = await openDatabase(options);
  try {
    const measured: LookupTimes[] = [];
    let filled = 0;
    for (const size of sizes) {
      await seedExchanges(database.db, filled, size);
      await sql`analyze`.execute(database.db);
      filled = size;
      measured.push(await measureAt(database.db, size, rounds));
    }
    return measured;
  } finally {
    await database.close();
  }
}

async function measureAt(db: Store, exchanges: number, rounds: number): Promise<LookupTimes> {
  const times: LookupTimes = { exchanges, continued: [], opened: [] };
  const conversations = Math.floor(exchanges / LENGTH);
  for (let round = -20; round < rounds; round++) {
    // From all over the store, another one each time.
    const conversation = ((round + 20) * 7_919) % conversations;
    const continued = await timed(db, conversationQuery(conversation), 1);
    const opened = await timed(db, openingQuery(round), 0);
    if (round < 0) continue; // Statements are prepared and pages read.
    times.continued.push(continued);
    times.opened.push(opened);
  }
  return times;
}

/** As the recorder asks: in a transaction. Throws when fewer candidates are found than expected. */
async function timed(db: Store, query: LinkQuery, expected: number): Promise<number> {
  return db.transaction().execute(async (tx: Tx) => {
    const started = performance.now();
    const found = await findLinkCandidates(tx, query);
    const took = performance.now() - started;
    if (found.prefix.length < expected) throw new Error('The look-up does not find what was stored');
    return took;
  });
}

/** The last request of a conversation has been answered, and the next one comes. */
function conversationQuery(conversation: number): LinkQuery {
  const session = `session-${String(conversation)}`;
  const links = [link(conversation, 0, 'request')];
  for (let turn = 0; turn < LENGTH; turn++) {
    links.push(link(conversation, turn, 'response'), link(conversation, turn, 'result'));
    links.push(link(conversation, turn + 1, 'request'));
  }
  return { ...query(session, links), lastToolIds: [`toolu_${String(conversation)}_${String(LENGTH - 1)}`] };
}

function openingQuery(round: number): LinkQuery {
  return query(`new-session-${String(round)}`, [link(-1 - Math.abs(round), 0, 'request')]);
}

function query(sessionId: string, links: Buffer[]): LinkQuery {
  return {
    requestId: 'ffffffff-ffff-7fff-bfff-ffffffffffff',
    at: Date.parse('2100-01-01T00:00:00Z'),
    scope: { tenant: 'local', project: 'shop', sessionId, agentId: null, parentAgentId: null },
    links,
    ownLinks: 1,
    answeredLinks: links.length - 1,
    previousMessageId: null,
    previousUpstreamId: null,
    promptHashes: [createHash('sha256').update(sessionId).digest()],
    anyInvocation: false,
    compactions: false,
    lastToolIds: [],
    answers: [],
  };
}

/** The same bytes as `link_of` below. */
function link(conversation: number, turn: number, part: string): Buffer {
  return createHash('sha256')
    .update(`${String(conversation)} ${String(turn)} ${part}`)
    .digest();
}

const linkOf = (turn: ReturnType<typeof sql>, part: string) =>
  sql`sha256(convert_to((n / ${LENGTH}::bigint) || ' ' || (${turn}) || ' ' || ${part}, 'UTF8'))`;

/**
 * Adds the exchanges numbered `from` up to `to`: conversations of 40 requests, one every minute, each request the child
 * of the one before. Without indexes and foreign keys, which are built afterwards: 1,000,000 in about two minutes.
 */
export async function seedExchanges(db: Store, from: number, to: number): Promise<void> {
  await sql`insert into block (tenant, hash, codec, raw_size, kind, bytes)
    values ('local', sha256('headers'), 0, 2, 'headers', '[]') on conflict do nothing`.execute(db);
  await sql`insert into envelope (tenant, key, request_headers, method, path, http_version, redactions)
    values ('local', sha256('envelope'), sha256('headers'), 'POST', '/v1/messages', '1.1', '[]')
    on conflict do nothing`.execute(db);
  const { rows: indexes } = await sql<{ name: string; definition: string }>`
    select indexname as name, indexdef as definition from pg_indexes
    where tablename in ('request', 'answer') and indexname not in ('request_pkey', 'answer_pkey')`.execute(
    db,
  );
  for (const { name } of indexes) await sql`drop index ${sql.ref(name)}`.execute(db);
  for (let first = from; first < to; first += SLICE) {
    await db.transaction().execute((tx) => seedSlice(tx, first, Math.min(to, first + SLICE)));
  }
  for (const { definition } of indexes) await sql.raw(definition).execute(db);
}

async function seedSlice(tx: Tx, first: number, end: number): Promise<void> {
  // No triggers for this transaction: foreign keys are triggers.
  await sql`set local session_replication_role = replica`.execute(tx);
  await sql`
    insert into conversation (tenant, id, project, domain, account_id, title, started_at, last_at, latest_id,
      latest_started_at, request_count, message_count, models)
    select 'local', ${uuidOf('c', sql`n / ${LENGTH}::bigint`)}, 'shop', 'localhost:3000', 'acc_made_up', 'A made conversation',
      ${timeOf(sql`n`)}, ${timeOf(sql`n + 39`)}, ${uuidOf('e', sql`n + 39`)}, ${timeOf(sql`n + 39`)}, ${LENGTH}, 80,
      '{claude-test-1}'
    from generate_series(${first}::bigint, ${end - 1}::bigint, ${LENGTH}::bigint) as n
    on conflict do nothing`.execute(tx);
  await sql`
    insert into request (tenant, id, project, domain, account_id, session_id, type, started_at, model,
      streaming, preview, asked, message_count, envelope, request_size, conversation_id, branch_id, parent_id, request_link, link_depth, link_version, link_signal, link_matched,
      link_candidates)
    select 'local', ${uuidOf('e', sql`n`)}, 'shop', 'localhost:3000', 'acc_made_up',
      'session-' || (n / ${LENGTH}::bigint), 'inference', ${timeOf(sql`n`)},
      'claude-test-1', true, 'A question about the shop, number ' || n, true, n % ${LENGTH}::bigint * 2 + 1,
      sha256('envelope'), 360000, ${uuidOf('c', sql`n / ${LENGTH}::bigint`)}, 'main',
      case when n % ${LENGTH}::bigint > 0 then ${uuidOf('e', sql`n - 1`)} end,
      ${linkOf(sql`n % ${LENGTH}::bigint`, 'request')}, n % ${LENGTH}::bigint * ${LINKS_PER_TURN}::bigint + 1, ${linkVersion}::smallint,
      'response-prefix', n % ${LENGTH}::bigint * 3, '[]'
    from generate_series(${first}::bigint, ${end - 1}::bigint) as n`.execute(tx);
  await sql`
    insert into answer (tenant, id, state, duration_ms, answer_preview, input_tokens, output_tokens,
      response_status, message_id, upstream_id, response_link, tool_ids)
    select 'local', ${uuidOf('e', sql`n`)}, 'completed', 20000,
      'Read, then Edit', 12, 300, 200, 'msg_' || n, 'req_' || n,
      ${linkOf(sql`n % ${LENGTH}::bigint`, 'response')},
      array[n::integer]
    from generate_series(${first}::bigint, ${end - 1}::bigint) as n`.execute(tx);
}

/** One a minute from 2024 on. */
const timeOf = (n: ReturnType<typeof sql>) =>
  sql`timestamptz '2024-01-01 00:00:00Z' + (${n}) * interval '1 minute'`;

const uuidOf = (kind: string, n: ReturnType<typeof sql>) => sql`md5(${kind} || (${n}))::uuid`;
