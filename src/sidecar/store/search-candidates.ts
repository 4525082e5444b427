import { sql } from 'kysely';
import type { LookUp } from '../core/search/words.ts';
import { endOf, placesIn } from '../core/search/segment.ts';
import { idsFrom, SEGMENT_COLUMNS, type SegmentRow } from './search-index.ts';
import type { Store } from './tables.ts';

/** A request that may have what is looked for. */
export interface Candidate {
  tenant: string;
  id: string;
}

/** Ids from (inclusive) and to (exclusive); they rise with time. */
export interface IdRange {
  from: string;
  to: string;
}

/** So many requests that are in no segment are read themselves; those beyond them have to wait. */
const MOST_UNSEARCHED = 48;
const FIRST_SEGMENTS = 4;
const MOST_SEGMENTS = 32;

/** What a search looks at and has opened: its candidates, the newest first. */
interface Source {
  left: Candidate[];
}

/**
 * The requests that may have all of the terms, the newest first: by the index, and those it does not have yet. Segments
 * are looked at as far as they are needed, the newest first, four, eight … at a time.
 */
export class Candidates {
  readonly #db: Store;
  readonly #terms: readonly LookUp[];
  readonly #range: IdRange;
  readonly #sources: Source[] = [];
  readonly #opened = new Set<string>();
  #segments: SegmentRow[] | null = null;
  #batch = FIRST_SEGMENTS;
  /** The id given last: what comes next is older. */
  #last: string;
  /** Ended requests that the index does not have, beyond those that are read. */
  waiting = 0;

  constructor(db: Store, terms: readonly LookUp[], range: IdRange) {
    this.#db = db;
    this.#terms = terms;
    this.#range = range;
    this.#last = range.to;
  }

  /** True when `take` would have to ask the database. */
  get hungry(): boolean {
    const next = this.#segments?.[0];
    return (
      this.#segments === null || (next !== undefined && next.lastId >= (this.#best()?.left.at(-1)?.id ?? ''))
    );
  }

  /** Looks further; one or two short queries. Call until no longer `hungry`. */
  async feed(): Promise<void> {
    if (this.#segments === null) {
      // Before the segments: what is put into one meanwhile is seen twice, and not never.
      await this.#openUnsearched();
      this.#segments = await this.#list();
      return;
    }
    const opening = this.#segments.splice(0, this.#batch);
    this.#batch = Math.min(Math.ceil(MOST_SEGMENTS / Math.max(1, this.#terms.length / 2)), this.#batch * 2);
    if (!(await this.#open(opening))) {
      // Some became one meanwhile.
      this.#segments = (await this.#list()).filter((segment) => !this.#opened.has(nameOf(segment)));
    }
  }

  /** The next ones, at most so many and as far as is known; none: feed it, or there are no more. */
  take(most: number): Candidate[] {
    const taken: Candidate[] = [];
    while (taken.length < most && !this.hungry) {
      const next = this.#best()?.left.pop();
      if (next === undefined) break;
      if (next.id === this.#last) continue;
      this.#last = next.id;
      taken.push(next);
    }
    return taken;
  }

  #best(): Source | undefined {
    let best: Source | undefined;
    for (const source of this.#sources) {
      const id = source.left.at(-1)?.id;
      if (id !== undefined && id > (best?.left.at(-1)?.id ?? '')) best = source;
    }
    return best;
  }

  async #openUnsearched(): Promise<void> {
    const { from, to } = this.#range;
    const within = sql`id >= ${from}::uuid and id < ${to}::uuid`;
    const { rows } = await sql<Candidate>`
      select * from (
        (select tenant, id from running where ${within})
        union all
        (select tenant, id from unsearched where ${within} order by id desc limit ${MOST_UNSEARCHED + 1})
      ) as tail order by id`.execute(this.#db);
    if (rows.length > MOST_UNSEARCHED) {
      const { rows: counted } = await sql<{ more: number }>`
        select greatest(0, count(*) - ${MOST_UNSEARCHED}::bigint) as more from unsearched where ${within}`.execute(
        this.#db,
      );
      this.waiting = counted[0]!.more;
    }
    this.#sources.push({ left: rows.slice(-MOST_UNSEARCHED) });
  }

  async #list(): Promise<SegmentRow[]> {
    const { rows } = await sql<SegmentRow>`
      select ${SEGMENT_COLUMNS} from search_segment
      where first_id < ${this.#last}::uuid and last_id >= ${this.#range.from}::uuid
      order by last_id desc`.execute(this.#db);
    return rows;
  }

  /** False when one of them is not there any more. */
  async #open(segments: SegmentRow[]): Promise<boolean> {
    const pieces = await this.#readPieces(segments);
    const found = segments.map((segment) => ({
      segment,
      places: this.#placesOf(segment, pieces.get(nameOf(segment))),
    }));
    // One without a piece has no such words, or is gone.
    const wanted = found.filter(({ places }) => places === null || places.length > 0);
    const ids = wanted.length === 0 ? null : await this.#readIds(wanted.map(({ segment }) => segment));
    let whole = true;
    for (const { segment, places } of found) {
      const isWanted = places === null || places.length > 0;
      const requests = isWanted ? ids?.get(nameOf(segment)) : [];
      if (requests === undefined) {
        whole = false;
        continue;
      }
      this.#opened.add(nameOf(segment));
      const { tenant } = segment;
      const left = (places ?? []).map((place) => ({ tenant, id: requests[place]! }));
      this.#sources.push({ left: left.filter(({ id }) => id >= this.#range.from && id < this.#last) });
    }
    return whole;
  }

  /** Rising; null when the segment has no pieces (any more). */
  #placesOf({ size }: SegmentRow, pieces: Map<number, Buffer[]> | undefined): number[] | null {
    if (pieces === undefined) return null;
    let both: number[] | null = null;
    for (const [index, term] of this.#terms.entries()) {
      const places = placesIn(pieces.get(index) ?? [], size, term);
      both = both === null ? [...places].sort((a, b) => a - b) : both.filter((place) => places.has(place));
    }
    return both ?? [];
  }

  /** By segment and the number of the term: the pieces in which terms that begin so can be. */
  async #readPieces(segments: SegmentRow[]): Promise<Map<string, Map<number, Buffer[]>>> {
    type Row = { tenant: string; id: number; term: number; bytes: Buffer };
    const { rows } = await sql<Row>`
      select segment.tenant, segment.id, (word.number - 1)::integer as term, piece.bytes
      from unnest(${segments.map(({ tenant }) => tenant)}::text[], ${segments.map(({ id }) => id)}::bigint[])
        as segment (tenant, id)
      cross join unnest(${this.#terms.map(({ term }) => Buffer.from(term, 'latin1'))}::bytea[],
        ${this.#terms.map((term) => Buffer.from(endOf(term), 'latin1'))}::bytea[])
        with ordinality as word (begin, behind, number)
      cross join lateral (
        (select bytes from search_piece where tenant = segment.tenant and segment = segment.id
          and first <= word.begin order by first desc limit 1)
        union all
        (select bytes from search_piece where tenant = segment.tenant and segment = segment.id
          and first > word.begin and first < word.behind order by first)
      ) piece`.execute(this.#db);
    const found = new Map<string, Map<number, Buffer[]>>();
    for (const { term, bytes, ...segment } of rows) {
      const terms = found.get(nameOf(segment)) ?? new Map<number, Buffer[]>();
      terms.set(term, [...(terms.get(term) ?? []), bytes]);
      found.set(nameOf(segment), terms);
    }
    return found;
  }

  async #readIds(segments: SegmentRow[]): Promise<Map<string, string[]>> {
    const { rows } = await sql<{ tenant: string; id: number; requests: Buffer }>`
      select segment.tenant, segment.id, found.requests
      from unnest(${segments.map(({ tenant }) => tenant)}::text[], ${segments.map(({ id }) => id)}::bigint[])
        as segment (tenant, id)
      cross join lateral (
        select requests from search_segment where tenant = segment.tenant and id = segment.id offset 0
      ) found`.execute(this.#db);
    return new Map(rows.map((row) => [nameOf(row), idsFrom(row.requests)]));
  }
}

const nameOf = ({ tenant, id }: { tenant: string; id: number }): string => `${String(id)} ${tenant}`;
