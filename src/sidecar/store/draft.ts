import { sql, type RawBuilder } from 'kysely';
import type { Store, Tx } from './tables.ts';

/** What linking anew writes to. Content is only read. */
const COPIED = ['request', 'answer', 'envelope', 'conversation', 'branch', 'invocation'] as const;
const EMPTY = ['relink', 'usage', 'unsearched'] as const;
const SCHEMA = 'claude_nexus_draft';

/** Runs a slice of long work; see the recorder's `RunSlice`. */
type Run = <T>(slice: (database: { db: Store }) => Promise<T>) => Promise<T>;

/**
 * A copy of all that linking writes, in a schema of its own: whatever is tried out there is done by the same statements,
 * and leaves the store as it is.
 */
export interface Draft {
  /** A transaction that sees the draft where it names a table that is in it. */
  transaction<T>(db: Store, work: (tx: Tx) => Promise<T>): Promise<T>;
}

/**
 * Makes a draft, bit by bit, has `work` done with it, and drops it. `projects`: only exchanges of these are copied; null:
 * all. One at a time in a database: the caller sees to that. `runLast` runs a slice even when the program ends.
 */
export async function withDraft<T>(
  run: Run,
  runLast: Run,
  projects: (string | null)[] | null,
  work: (draft: Draft) => Promise<T>,
): Promise<T> {
  const base = await run(async ({ db }) => {
    const { rows } = await sql<{ schema: string; view: string }>`
      select quote_ident(current_schema()) as schema, pg_get_viewdef('exchange'::regclass) as view`.execute(
      db,
    );
    return rows[0]!;
  });
  const draft: Draft = {
    transaction: (db, inside) =>
      db.transaction().execute(async (tx) => {
        await sql`select set_config('search_path', ${`${SCHEMA}, ${base.schema}`}, true)`.execute(tx);
        return inside(tx);
      }),
  };
  try {
    await run(({ db }) => dropDraft(db));
    await run(({ db }) => sql`create schema ${sql.ref(SCHEMA)}`.execute(db));
    for (const table of [...COPIED, ...EMPTY]) {
      const indexes = table === 'usage' ? sql`` : sql`including indexes`;
      await run(({ db }) =>
        sql`create table ${sql.ref(`${SCHEMA}.${table}`)}
          (like ${sql.raw(`${base.schema}.${table}`)} including defaults ${indexes})`.execute(db),
      );
    }
    await run(({ db }) =>
      draft.transaction(db, (tx) => sql`create view exchange as ${sql.raw(base.view)}`.execute(tx)),
    );
    // What the others refer to comes after them.
    for (const table of ['request', 'answer', 'envelope'] as const) {
      await copyPages(run, base.schema, table, projects);
    }
    await copyConversations(run, base.schema);
    for (const table of COPIED) {
      await run(({ db }) => sql`analyze ${sql.ref(`${SCHEMA}.${table}`)}`.execute(db));
    }
    return await work(draft);
  } finally {
    await runLast(({ db }) => dropDraft(db));
  }
}

/** Drops a draft, if there is one: that of a program that was killed. */
export async function dropDraft(db: Store): Promise<void> {
  const { rows } = await sql<{
    there: boolean;
  }>`select to_regnamespace(${SCHEMA}) is not null as there`.execute(db);
  if (rows[0]?.there !== true) return;
  await sql`drop schema if exists ${sql.ref(SCHEMA)} cascade`.execute(db);
}

/** Page by page: these rows stay where they are, and what they refer to is older than they are. */
async function copyPages(
  run: Run,
  schema: string,
  table: 'request' | 'answer' | 'envelope',
  projects: (string | null)[] | null,
): Promise<void> {
  const filter = projects === null || table !== 'request' ? sql`true` : isOf(projects);
  const name = `${schema}.${table}`;
  const copyFrom = async (db: Store, page: number): Promise<boolean> => {
    const { rows } = await sql<{ pages: number }>`
      select pg_relation_size(${name}::regclass) / 8192 as pages`.execute(db);
    if (page >= rows[0]!.pages) return false;
    await sql`insert into ${sql.ref(`${SCHEMA}.${table}`)} select * from ${sql.raw(name)}
      where ctid >= ${`(${String(page)},0)`}::tid and ctid < ${`(${String(page + PAGES)},0)`}::tid and ${filter}
      on conflict do nothing`.execute(db);
    return true;
  };
  for (let page = 0; await run(({ db }) => copyFrom(db, page)); page += PAGES);
}

const isOf = (projects: (string | null)[]): RawBuilder<unknown> =>
  sql`(project = any(${projects.filter((name) => name !== null)}::text[])
    or (${projects.includes(null)}::boolean and project is null))`;

/** Conversations in order of their ids, each with its branches and its calls of sub-agents. */
async function copyConversations(run: Run, schema: string): Promise<void> {
  const from = (table: string): RawBuilder<unknown> => sql.raw(`${schema}.${table}`);
  const into = (table: string): RawBuilder<unknown> => sql.ref(`${SCHEMA}.${table}`);
  const copyAfter = async (db: Store, id: string): Promise<string | null> => {
    const { rows } = await sql<{ id: string }>`
      with page as materialized (
        select * from ${from('conversation')} where id > ${id}::uuid order by id limit ${CONVERSATIONS}
      ), branches as (
        insert into ${into('branch')} select branch.* from page join ${from('branch')} branch
          on branch.tenant = page.tenant and branch.conversation_id = page.id
      ), calls as (
        insert into ${into('invocation')} select invocation.* from page join ${from('invocation')} invocation
          on invocation.tenant = page.tenant and invocation.conversation_id = page.id
      ), conversations as (insert into ${into('conversation')} select * from page)
      select id from page order by id desc limit 1`.execute(db);
    return rows[0]?.id ?? null;
  };
  let last: string | null = '00000000-0000-0000-0000-000000000000';
  while (last !== null) {
    const after: string = last;
    last = await run(({ db }) => copyAfter(db, after));
  }
}

/** Of 8 KB: some hundred rows. */
const PAGES = 50;
const CONVERSATIONS = 200;
