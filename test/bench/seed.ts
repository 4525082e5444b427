import { sql } from 'kysely';
import { openDatabase, type DatabaseOptions } from '../../src/sidecar/store/database.ts';
import { linkVersion } from '../../src/sidecar/recorder/request-chain.ts';
import type { Tx } from '../../src/sidecar/store/tables.ts';

/** Made conversations of equal length, each request the child of the one before, without any content. */
export interface SeededConversations {
  /** Also what their ids are made of. */
  kind: string;
  conversations: number;
  length: number;
}

/** Inserts them by SQL into a new store, and gives the id of the first conversation of each kind. */
export async function seedConversations(
  options: DatabaseOptions,
  seeds: SeededConversations[],
): Promise<{ firstIds: string[] }> {
  const database = await openDatabase(options);
  try {
    const firstIds: string[] = [];
    for (const seed of seeds) {
      await database.db.transaction().execute((tx) => insert(tx, seed));
      const { rows } = await sql<{ id: string }>`select ${idOf(seed.kind, sql`0`)} as id`.execute(
        database.db,
      );
      firstIds.push(rows[0]!.id);
    }
    await database.analyze(() => Promise.resolve());
    return { firstIds };
  } finally {
    await database.close();
  }
}

async function insert(tx: Tx, { kind, conversations, length }: SeededConversations): Promise<void> {
  // No triggers for this transaction: foreign keys are triggers.
  await sql`set local session_replication_role = replica`.execute(tx);
  await sql`insert into block (tenant, hash, codec, raw_size, kind, bytes)
    values ('local', sha256('headers'), 0, 2, 'headers', '[]') on conflict do nothing`.execute(tx);
  await sql`insert into envelope (tenant, key, request_headers, method, path, http_version, redactions)
    values ('local', sha256('envelope'), sha256('headers'), 'POST', '/v1/messages', '1.1', '[]')
    on conflict do nothing`.execute(tx);
  const last = sql`n * ${length}::bigint + ${length - 1}::bigint`;
  const nth = sql`(n % ${length}::bigint)`;
  const whole = sql`(n / ${length}::bigint)`;
  await sql`
    insert into conversation (tenant, id, project, domain, account_id, title, started_at, last_at, latest_id,
      latest_started_at, request_count, message_count, models)
    select 'local', ${idOf(kind, sql`n`)}, 'project-' || n % 7, '127.0.0.1:4711', 'acc_made_up',
      'A made conversation about orders and prices, number ' || n, ${timeOf(sql`n * ${length}::bigint`)},
      ${timeOf(last)}, ${idOf(`${kind}e`, last)}, ${timeOf(last)}, ${length}, ${length * 2}, '{claude-opus-5-5}'
    from generate_series(0::bigint, ${conversations - 1}::bigint) as n`.execute(tx);
  await sql`
    insert into branch (tenant, conversation_id, branch_id, kind, first_id, created_at)
    select 'local', ${idOf(kind, sql`n`)}, 'main', 'main', ${idOf(`${kind}e`, sql`n * ${length}::bigint`)},
      ${timeOf(sql`n * ${length}::bigint`)}
    from generate_series(0::bigint, ${conversations - 1}::bigint) as n`.execute(tx);
  await sql`
    insert into request (tenant, id, project, domain, account_id, session_id, type, started_at, model,
      streaming, preview, asked, message_count, envelope, request_size, conversation_id, branch_id, parent_id, link_depth, link_version, link_signal, link_matched, link_candidates)
    select 'local', ${idOf(`${kind}e`, sql`n`)}, 'project-' || ${whole} % 7, '127.0.0.1:4711', 'acc_made_up',
      ${kind} || ${whole}, 'inference', ${timeOf(sql`n`)},
      'claude-opus-5-5', true,
      'Look at the order list of ' || n || ' and tell me why the price of the second item is shown without tax',
      ${nth} % 5 = 0, ${nth} * 2 + 1, sha256('envelope'), 360000, ${idOf(kind, whole)}, 'main',
      case when ${nth} > 0 then ${idOf(`${kind}e`, sql`n - 1`)} end,
      ${nth} * 3 + 1, ${linkVersion}::smallint, 'response-prefix', ${nth} * 3, '[]'
    from generate_series(0::bigint, ${conversations * length - 1}::bigint) as n`.execute(tx);
  await sql`
    insert into answer (tenant, id, state, duration_ms, answer_preview, tool_call_count, input_tokens,
      output_tokens, cache_read_tokens, response_status, message_id, upstream_id, tool_ids)
    select 'local', ${idOf(`${kind}e`, sql`n`)}, 'completed', 20000,
      'Read file-' || n % 17 || '.ts, then Edit ×2', 2, 12, 300, 90000, 200, 'msg_' || ${kind} || n,
      'req_' || ${kind} || n, array[n::integer]
    from generate_series(0::bigint, ${conversations * length - 1}::bigint) as n`.execute(tx);
}

const idOf = (kind: string, n: ReturnType<typeof sql>) => sql`md5(${kind} || (${n}))::uuid`;

const timeOf = (n: ReturnType<typeof sql>) =>
  sql`timestamptz '2026-01-01 00:00:00Z' + (${n}) * interval '20 second'`;
