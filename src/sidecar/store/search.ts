import { sql, type RawBuilder } from 'kysely';
import type { SearchQuery } from '../../protocol/queries.ts';
import type { SearchHit, SearchPage } from '../../protocol/search.ts';
import { matchTurn, type TurnMatch } from '../core/search/match.ts';
import { readSearch, type Search } from '../core/search/query.ts';
import { snippetOf } from '../core/search/snippet.ts';
import { badRequest } from '../errors.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';
import type { ReadableStore } from './columns.ts';
import { inState } from './rows.ts';
import { Candidates, type Candidate, type IdRange } from './search-candidates.ts';
import type { Store } from './tables.ts';
import { readReadableTexts } from './turn-texts.ts';
import { isoTime } from './values.ts';

/** Runs a slice of the work, some ten milliseconds; others have their turn in between. Rejects when nobody waits any more. */
export type SearchSlice = <T>(slice: () => Promise<T>) => Promise<T>;

/** So long a search works, ms; then it gives what it has. */
const PATIENCE_MS = 400;
/** Candidates whose rows are looked at at once: few first, mostly they are enough. */
const ROWS = { first: 32, most: 256 };
/** Turns that are read at once, as many as a slice may take. */
const READ = { least: 4, first: 8, most: 64, ms: 15 };
/** An id's time is the request's, but for clocks that were set. */
const MARGIN_MS = 60_000;

/**
 * The newest turns in which everything is found that is looked for, one page of them. The index only says where to look:
 * what is found is read from the messages.
 *
 * @throws NexusError `bad_request` for a query that cannot find anything.
 */
export async function searchMessages(
  { db }: Pick<ReadableStore, 'db'>,
  query: SearchQuery,
  run: SearchSlice,
): Promise<SearchPage> {
  const search = readWords(query.q);
  const range = await run(() => rangeOf(db, query));
  const candidates = new Candidates(
    db,
    search.wanted.flatMap((needle) => needle.terms),
    range,
  );
  const found: Found[] = [];
  const clock = new Clock(run);
  let [look, read] = [ROWS.first, READ.first];
  let rest: Row[] = [];
  /** All candidates down to here are in `rest` or were looked at. */
  let behind = '';
  /** What was looked at last: where the next page goes on when this one is cut. Every page gets somewhere. */
  let last: string | null = null;
  while (found.length <= query.limit && (last === null || clock.ms < PATIENCE_MS)) {
    if (rest.length > 0) {
      const some = rest.splice(0, read);
      const begun = clock.ms;
      found.push(...(await clock.time(() => matching(db, some, search))));
      read = clock.ms - begun > READ.ms ? Math.max(READ.least, read >> 1) : Math.min(READ.most, read * 2);
      last = rest.length === 0 ? behind : some.at(-1)!.id;
    } else if (candidates.hungry) {
      await clock.time(() => candidates.feed());
    } else {
      const next = candidates.take(look);
      if (next.length === 0) {
        return pageOf(query, found, { cut: false, goOn: null, waiting: candidates.waiting });
      }
      look = Math.min(ROWS.most, look * 2);
      behind = next.at(-1)!.id;
      rest = await clock.time(() => readRows(db, next, query));
      if (rest.length === 0) last = behind;
    }
  }
  const goOn = last === null ? null : encodeCursor({ at: 0, id: last });
  return pageOf(query, found, { cut: found.length <= query.limit, goOn, waiting: candidates.waiting });
}

function readWords(typed: string): Search {
  const search = readSearch(typed);
  if (!('problem' in search)) return search;
  throw badRequest(`This cannot be searched: ${search.problem}.`, [{ path: 'q', message: search.problem }]);
}

/** What slices have taken, without the waiting between them. */
class Clock {
  readonly #run: SearchSlice;
  ms = 0;

  constructor(run: SearchSlice) {
    this.#run = run;
  }

  time<T>(slice: () => Promise<T>): Promise<T> {
    return this.#run(async () => {
      const begun = performance.now();
      try {
        return await slice();
      } finally {
        this.ms += performance.now() - begun;
      }
    });
  }
}

/** A request of which everything but its texts fits. */
interface Row {
  tenant: string;
  id: string;
  at: number;
  conversation_id: string;
  branch_id: string | null;
  title: string;
  project: string | null;
}
type Found = Row & { match: TurnMatch };

/** `goOn`: the next page's cursor, unless there is one more hit than fits. */
function pageOf(
  { limit }: SearchQuery,
  found: Found[],
  { cut, goOn, waiting }: { cut: boolean; goOn: string | null; waiting: number },
): SearchPage {
  const page = found.slice(0, limit);
  const last = found.length > limit ? page.at(-1) : undefined;
  return {
    hits: page.map(toHit),
    pagination: { limit, nextCursor: last === undefined ? goOn : encodeCursor(last) },
    cut,
    waiting,
  };
}

function toHit({ match, ...row }: Found): SearchHit {
  const { text, spans } = snippetOf(match.text.text, match.spans);
  return {
    requestId: row.id,
    conversationId: row.conversation_id,
    title: row.title,
    project: row.project,
    branchId: row.branch_id,
    role: match.text.role,
    kind: match.text.kind,
    snippet: text.toWellFormed(),
    highlights: spans,
    timestamp: isoTime(row.at),
  };
}

async function matching(db: Store, rows: Row[], search: Search): Promise<Found[]> {
  const found: Found[] = [];
  for (const [tenant, own] of Map.groupBy(rows, (row) => row.tenant)) {
    const ids = own.map(({ id }) => id);
    // Whoever indexes one that cannot be read says so.
    const texts = await readReadableTexts(db, tenant, ids, () => undefined);
    for (const row of own) {
      const match = matchTurn(texts.get(row.id) ?? [], search);
      if (match !== null) found.push({ ...row, match });
    }
  }
  return found.sort((a, b) => (a.id < b.id ? 1 : -1));
}

/** Those that the filters leave, in the same order. */
async function readRows(db: Store, candidates: Candidate[], query: SearchQuery): Promise<Row[]> {
  if (candidates.length === 0) return [];
  const { rows } = await sql<Row>`
    select request.tenant, request.id, request.started_at as at, request.conversation_id, request.branch_id,
      conversation.title, request.project
    from unnest(${candidates.map(({ tenant }) => tenant)}::text[], ${candidates.map(({ id }) => id)}::uuid[])
      as asked (tenant, id)
    cross join lateral (select * from request where tenant = asked.tenant and id = asked.id offset 0) request
    cross join lateral (
      select title, deleted_at from conversation
      where tenant = asked.tenant and id = request.conversation_id offset 0
    ) conversation
    where ${sql.join([sql`conversation.deleted_at is null`, ...conditionsOf(query)], sql` and `)}
    order by request.id desc`.execute(db);
  return rows;
}

function conditionsOf(query: SearchQuery): RawBuilder<unknown>[] {
  const found: RawBuilder<unknown>[] = [];
  const is = (column: string, value: string | undefined): void => {
    if (value !== undefined) found.push(sql`${sql.ref(`request.${column}`)} = ${value}`);
  };
  is('project', query.project);
  is('domain', query.domain);
  is('account_id', query.accountId);
  is('branch_id', query.branchId);
  if (query.conversationId !== undefined) {
    found.push(sql`request.conversation_id = ${query.conversationId}::uuid`);
  }
  if (query.model !== undefined) {
    found.push(sql`coalesce(request.model, (
      select model from answer where answer.tenant = request.tenant and answer.id = request.id)) = ${query.model}`);
  }
  if (query.branchKind !== undefined) {
    found.push(sql`exists (select from branch where branch.tenant = request.tenant
      and branch.conversation_id = request.conversation_id and branch.branch_id = request.branch_id
      and branch.kind = ${query.branchKind})`);
  }
  if (query.state !== undefined) {
    found.push(sql`exists (select from exchange where exchange.tenant = request.tenant
      and exchange.id = request.id and ${inState('exchange', query.state)})`);
  }
  if (query.dateFrom !== undefined) found.push(sql`request.started_at >= ${query.dateFrom}::timestamptz`);
  if (query.dateTo !== undefined) found.push(sql`request.started_at < ${query.dateTo}::timestamptz`);
  return found;
}

/** The ids among which all hits are, as far as that is quickly told. */
async function rangeOf(db: Store, query: SearchQuery): Promise<IdRange> {
  const from = [LOWEST];
  const to = [query.cursor === undefined ? HIGHEST : decodeCursor(query.cursor).id];
  if (query.dateFrom !== undefined) from.push(idAt(Date.parse(query.dateFrom) - MARGIN_MS));
  if (query.dateTo !== undefined) to.push(idAt(Date.parse(query.dateTo) + MARGIN_MS));
  if (query.conversationId !== undefined) {
    const row = await db
      .selectFrom('conversation')
      .select(['started_at', 'last_at'])
      .where('id', '=', query.conversationId)
      .executeTakeFirst();
    from.push(row === undefined ? HIGHEST : idAt(row.started_at - MARGIN_MS));
    to.push(row === undefined ? LOWEST : idAt(row.last_at + MARGIN_MS));
  }
  return { from: from.sort().at(-1)!, to: to.sort()[0]! };
}

const LOWEST = '00000000-0000-0000-0000-000000000000';
const HIGHEST = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

/** The lowest id of that time (UUID version 7). */
function idAt(ms: number): string {
  const time = Math.max(0, Math.floor(ms)).toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}${LOWEST.slice(13)}`;
}
