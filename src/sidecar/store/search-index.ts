import { sql } from 'kysely';
import {
  joinSegments,
  piecesOf,
  segmentFrom,
  segmentOf,
  without,
  type Piece,
  type Segment,
} from '../core/search/segment.ts';
import type { Database } from './database.ts';
import { lockHousekeeping } from './sweep.ts';
import type { Store, Tx } from './tables.ts';

/** Requests of the largest segments: reading a piece of one, and writing one anew, takes some milliseconds. */
const LARGEST_SEGMENT = 512;
/** So many of about the same size become one, so that a search has few to look at, and each is written few times. */
const JOINED = 8;

/** A segment's row, without what is in it. */
export interface SegmentRow {
  tenant: string;
  id: number;
  firstId: string;
  lastId: string;
  size: number;
}

export const SEGMENT_COLUMNS = sql`tenant, id, first_id as "firstId", last_id as "lastId", size`;

/** The newest requests that are in no segment yet, of one tenant; null: all are in one. */
export async function findUnsearched(
  db: Store,
  most: number,
): Promise<{ tenant: string; ids: string[] } | null> {
  const { rows } = await sql<{ tenant: string; id: string }>`
    select tenant, id from unsearched order by id desc limit ${most}`.execute(db);
  const tenant = rows[0]?.tenant;
  if (tenant === undefined) return null;
  return { tenant, ids: rows.filter((row) => row.tenant === tenant).map((row) => row.id) };
}

/** Puts an ended request on the list, which was in no conversation before. */
export async function searchAnew(db: Store, { tenant, id }: { tenant: string; id: string }): Promise<void> {
  await sql`
    insert into unsearched (tenant, id) select tenant, id from answer
    where tenant = ${tenant} and id = ${id}::uuid on conflict do nothing`.execute(db);
}

/** How many requests are in no segment yet. */
export async function countUnsearched(db: Store): Promise<number> {
  const { rows } = await sql<{ waiting: number }>`select count(*) as waiting from unsearched`.execute(db);
  return rows[0]!.waiting;
}

/**
 * Writes a segment of these turns. Those that were deleted meanwhile, or that another process has taken, are left out.
 * Turns without any words are searched, too: there is nothing to find in them.
 */
export async function addSegment(
  database: Database,
  tenant: string,
  turns: readonly { id: string; terms: Iterable<string> }[],
): Promise<void> {
  await database.db.transaction().execute(async (tx) => {
    await lockHousekeeping(database, tx, tenant);
    const { rows } = await sql<{ id: string; there: boolean }>`
      with taken as (
        delete from unsearched where tenant = ${tenant} and id = any(${turns.map(({ id }) => id)}::uuid[])
        returning id
      )
      select taken.id, (select true from request where tenant = ${tenant} and id = taken.id) as there
      from taken`.execute(tx);
    const mine = new Set(rows.filter((row) => row.there).map((row) => row.id));
    await insertSegment(tx, tenant, segmentOf(turns.filter(({ id }) => mine.has(id))));
  });
}

/** Joins some segments of about one size; false when there are few enough of each. */
export async function joinSmallSegments(database: Database, tenant: string): Promise<boolean> {
  const { db } = database;
  const { rows } = await sql<SegmentRow>`
    select ${SEGMENT_COLUMNS} from search_segment where tenant = ${tenant} and size < ${LARGEST_SEGMENT}
    order by last_id, id`.execute(db);
  const bySize = Map.groupBy(rows, ({ size }) => levelOf(size));
  const due = [...bySize.values()].map(joinable).find((level) => level.length > 1);
  if (due === undefined) return false;
  return db.transaction().execute(async (tx) => {
    await lockHousekeeping(database, tx, tenant);
    const parts: Segment[] = [];
    for (const { id } of due) parts.push(...(await takeSegment(tx, tenant, id)));
    await insertSegment(tx, tenant, joinSegments(parts));
    return true;
  });
}

/** Takes requests out of the index, in the transaction that deletes them: their words are gone with them. */
export async function dropFromSearch(tx: Tx, tenant: string, ids: string[]): Promise<void> {
  if (ids.length === 0) return;
  await sql`delete from unsearched where tenant = ${tenant} and id = any(${ids}::uuid[])`.execute(tx);
  const sorted = [...ids].sort();
  const gone = new Set(ids);
  const { rows } = await sql<{ id: number; requests: Buffer }>`
    select id, requests from search_segment
    where tenant = ${tenant} and first_id <= ${sorted.at(-1)}::uuid and last_id >= ${sorted[0]}::uuid
    order by id`.execute(tx);
  for (const { id, requests } of rows) {
    if (!idsFrom(requests).some((one) => gone.has(one))) continue;
    for (const segment of await takeSegment(tx, tenant, id)) {
      await insertSegment(tx, tenant, without(segment, gone));
    }
  }
}

/** From 1, 8 and 64 requests on: each level is joined into the next. */
const levelOf = (size: number): number => Math.floor((31 - Math.clz32(size)) / 3);

/** Of the segments of one level, in order: eight of them, or as many as make one of the largest. */
function joinable(level: SegmentRow[]): SegmentRow[] {
  const due: SegmentRow[] = [];
  let size = 0;
  for (const segment of level) {
    if (size + segment.size > 2 * LARGEST_SEGMENT) break;
    due.push(segment);
    size += segment.size;
    if (due.length === JOINED || size >= LARGEST_SEGMENT) return due;
  }
  return [];
}

async function insertSegment(tx: Tx, tenant: string, segment: Segment): Promise<void> {
  const { ids } = segment;
  if (ids.length === 0) return;
  const pieces = piecesOf(segment);
  await sql`
    with added as (
      insert into search_segment (tenant, first_id, last_id, size, requests)
      values (${tenant}, ${ids[0]}, ${ids.at(-1)}, ${ids.length}, ${bytesOf(ids)}) returning id
    )
    insert into search_piece (tenant, segment, first, bytes)
    select ${tenant}, added.id, piece.* from added cross join unnest(
      ${pieces.map(({ first }) => Buffer.from(first, 'latin1'))}::bytea[],
      ${pieces.map(({ bytes }) => bytes)}::bytea[]) as piece`.execute(tx);
}

/** Reads and removes one; none when another process was first. */
async function takeSegment(tx: Tx, tenant: string, id: number): Promise<Segment[]> {
  const { rows: pieces } = await sql<Pick<Piece, 'bytes'>>`
    delete from search_piece where tenant = ${tenant} and segment = ${id} returning bytes`.execute(tx);
  const { rows } = await sql<{ requests: Buffer }>`
    delete from search_segment where tenant = ${tenant} and id = ${id} returning requests`.execute(tx);
  return rows[0] === undefined ? [] : [segmentFrom(idsFrom(rows[0].requests), pieces)];
}

const ID_BYTES = 16;

const bytesOf = (ids: readonly string[]): Buffer => Buffer.from(ids.join('').replaceAll('-', ''), 'hex');

/** Of a segment's `requests`. */
export function idsFrom(requests: Buffer): string[] {
  const hex = requests.toString('hex');
  return Array.from({ length: requests.length / ID_BYTES }, (_, place) => {
    const id = hex.slice(place * 2 * ID_BYTES, (place + 1) * 2 * ID_BYTES);
    return `${id.slice(0, 8)}-${id.slice(8, 12)}-${id.slice(12, 16)}-${id.slice(16, 20)}-${id.slice(20)}`;
  });
}
