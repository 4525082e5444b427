import { readdirSync } from 'node:fs';
import { constants, gunzipSync } from 'node:zlib';
import { sql } from 'kysely';
import { readRequestBody } from '../../src/sidecar/store/contents.ts';
import { openDatabase, type DatabaseOptions } from '../../src/sidecar/store/database.ts';
import { readExchange } from '../../src/sidecar/store/read-exchange.ts';
import type { Store } from '../../src/sidecar/store/tables.ts';
import type { Sent } from './clients.ts';
import { answerOf, PLAN_HEADER, type Plan } from './plan.ts';

/** What a run came to. `lost` and `corrupt` must be 0. */
export interface Verdict {
  /** Requests that were sent. */
  sent: number;
  /** Those whose client got the last byte. */
  completed: number;
  /** Completed, and found whole in the store with the same bytes in both directions. */
  found: number;
  /** In flight when the sidecar died, and shown so. */
  interrupted: number;
  /**
   * Interrupted ones whose client had more than the store has: on a slow disk only an answer's last bytes wait for the
   * journal. None on a disk that keeps up.
   */
  ahead: number;
  /** Not completed for another reason (the client or the upstream went away), or completed by the store alone. */
  otherwise: number;
  /** Sent to a sidecar that was dead or dying: no answer began, and nothing is stored. */
  unanswered: number;
  lost: number;
  corrupt: number;
  problems: string[];
}

/** Opens the store of a stopped sidecar and compares all of it with what was sent. */
export async function verify(sent: Sent[], options: DatabaseOptions, journalDir: string): Promise<Verdict> {
  const verdict: Verdict = {
    sent: sent.length,
    completed: sent.filter((one) => one.completed).length,
    found: 0,
    interrupted: 0,
    ahead: 0,
    otherwise: 0,
    unanswered: 0,
    lost: 0,
    corrupt: 0,
    problems: [],
  };
  const wrong = (kind: 'lost' | 'corrupt', what: string): void => {
    verdict[kind]++;
    verdict.problems.push(`${kind}: ${what}`);
  };
  const database = await openDatabase(options);
  try {
    const bySeq = new Map(sent.map((one) => [one.plan.n, one]));
    const seen = new Set<number>();
    const rows = await database.db.selectFrom('exchange').selectAll().orderBy('id').execute();
    for (const row of rows) {
      const detail = await readExchange(database.db, row.id, ['requestHeaders', 'streamingChunks']);
      const plan = detail?.requestHeaders?.find(([name]) => name.toLowerCase() === PLAN_HEADER)?.[1];
      const n = plan === undefined ? -1 : (JSON.parse(plan) as Plan).n;
      const one = bySeq.get(n);
      const name = `exchange ${String(n)} (${row.id}, ${row.state})`;
      if (one === undefined || seen.has(n)) {
        wrong('corrupt', `${name} is there twice, or was never sent`);
        continue;
      }
      seen.add(n);
      const body = await readRequestBody(database.db, row.tenant, row);
      const stored = Buffer.from((detail?.streamingChunks ?? []).map((chunk) => chunk.data).join(''));
      const complaint = compare(one, row, body, stored);
      if (complaint !== null) wrong('corrupt', `${name}: ${complaint}; its error: ${String(row.error)}`);
      else if (one.completed) verdict.found++;
      else if (row.state === 'interrupted') {
        verdict.interrupted++;
        if (isAhead(one, stored)) verdict.ahead++;
      } else verdict.otherwise++;
    }
    for (const one of sent) {
      if (seen.has(one.plan.n)) continue;
      // Nobody promised anything before the response began: a sidecar that died then may know nothing of it.
      if (one.id === null) verdict.unanswered++;
      else {
        wrong('lost', `exchange ${String(one.plan.n)} (${one.id}), ${one.completed ? 'completed' : 'begun'}`);
      }
    }
    for (const problem of await inconsistencies(database.db, database.engine)) wrong('corrupt', problem);
  } finally {
    await database.close();
  }
  for (const file of readdirSync(journalDir)) wrong('corrupt', `the journal still has ${file}`);
  return verdict;
}

interface StoredExchange {
  id: string;
  state: string;
}

/** What is wrong with a stored exchange, or null. */
function compare(one: Sent, row: StoredExchange, body: Buffer | null, stored: Buffer): string | null {
  if (row.state === 'running') return 'still running';
  if (one.id !== null && one.id !== row.id) return `the client was told another id, ${one.id}`;
  if (body === null ? one.id !== null : !body.equals(one.body)) return 'its request body differs';
  const received = decoded(one);
  if (one.completed) {
    if (!stored.equals(received)) {
      return `its response differs from what the client got (${lengths(stored, received)})`;
    }
    const expected = one.status === 200 ? 'completed' : 'failed';
    return row.state === expected ? null : `it should be ${expected}`;
  }
  if (isAhead(one, stored) && row.state !== 'interrupted') {
    return `the client got more than is stored (${lengths(stored, received)})`;
  }
  const whole = Buffer.concat(answerOf(one.plan).parts);
  if (one.status === 200 || one.status === null) {
    const own = row.state === 'failed' && stored.includes('"type":"error"');
    if (!own && !startsWith(whole, withoutHalf(stored))) return 'its response is not what the upstream sent';
  }
  if (row.state === 'completed' && !stored.equals(whole)) return 'completed with a part of the response';
  return null;
}

/** Written ahead, the store has at least what the client got. (Of a compressed one, at least what can be decoded.) */
function isAhead(one: Sent, stored: Buffer): boolean {
  return !one.plan.gzip && !startsWith(stored, decoded(one));
}

function decoded(one: Sent): Buffer {
  const compressed = one.plan.gzip && one.received[0] === 0x1f;
  if (!compressed) return one.received;
  try {
    return gunzipSync(one.received, { finishFlush: constants.Z_SYNC_FLUSH });
  } catch {
    return Buffer.alloc(0); // Cut within the first bytes.
  }
}

/** A stored text that ends within a character ends with a replacement character. */
function withoutHalf(bytes: Buffer): Buffer {
  const half = Buffer.from('\ufffd');
  return bytes.subarray(-half.length).equals(half) ? bytes.subarray(0, -half.length) : bytes;
}

/** `part` may end within a character: up to three bytes of it. */
function startsWith(whole: Buffer, part: Buffer): boolean {
  const sure = part.subarray(0, Math.max(0, part.length - 3));
  return whole.length >= sure.length && whole.subarray(0, sure.length).equals(sure);
}

const lengths = (a: Buffer, b: Buffer): string => `${String(a.length)} and ${String(b.length)} bytes`;

/** Rows that point nowhere, content nobody points to, indexes that disagree with their tables, totals that do not add up. */
async function inconsistencies(db: Store, engine: 'pglite' | 'postgresql'): Promise<string[]> {
  const found: string[] = [];
  const count = async (what: string, query: string): Promise<void> => {
    const { rows } = await sql.raw<{ n: string | number }>(`select count(*) as n from ${query}`).execute(db);
    const n = Number(rows[0]?.n);
    if (n > 0) found.push(`${String(n)} ${what}`);
  };
  const { rows: keys } = await sql
    .raw<{ child: string; parent: string; child_columns: string[]; parent_columns: string[] }>(
      `select conrelid::regclass::text as child, confrelid::regclass::text as parent,
         array(select attname::text from unnest(conkey) with ordinality k(num, i)
           join pg_attribute on attrelid = conrelid and attnum = num order by i) as child_columns,
         array(select attname::text from unnest(confkey) with ordinality k(num, i)
           join pg_attribute on attrelid = confrelid and attnum = num order by i) as parent_columns
       from pg_constraint where contype = 'f' and conparentid = 0`,
    )
    .execute(db);
  const references = new Map<string, string[]>();
  for (const { child, parent, child_columns, parent_columns } of keys) {
    const same = child_columns.map((name, index) => `p.${parent_columns[index]!} = c.${name}`).join(' and ');
    const given = child_columns.map((name) => `c.${name} is not null`).join(' and ');
    await count(
      `rows of ${child} point to no ${parent} (${child_columns.join(', ')})`,
      `${child} c where ${given} and not exists (select from ${parent} p where ${same})`,
    );
    if (parent !== 'block' && parent !== 'node') continue;
    const pointed = `exists (select from ${child} c where ${same})`;
    references.set(parent, [...(references.get(parent) ?? []), pointed]);
  }
  for (const [table, pointed] of references) {
    await count(`rows of ${table} that nothing points to`, `${table} p where not (${pointed.join(' or ')})`);
  }
  for (const table of ['block', 'node', 'request', 'answer', 'conversation']) {
    const counts = new Set<number>();
    for (const way of ['enable_indexscan = off', 'enable_seqscan = off']) {
      await db.transaction().execute(async (tx) => {
        await sql.raw(`set local ${way}; `).execute(tx);
        const { rows } = await sql.raw<{ n: number }>(`select count(*)::int as n from ${table}`).execute(tx);
        counts.add(rows[0]!.n);
      });
    }
    if (counts.size > 1) found.push(`an index of ${table} disagrees with it (${engine})`);
  }
  await count(
    'conversations whose totals differ from their exchanges',
    `conversation c cross join lateral (
       select count(*) as requests, coalesce(sum(input_tokens + output_tokens), 0) as tokens,
         count(*) filter (where state = 'failed') as errors
       from exchange e where e.tenant = c.tenant and e.conversation_id = c.id) as real
     where (c.request_count, c.total_tokens, c.error_count) is distinct from (requests, tokens, errors)`,
  );
  return found;
}
