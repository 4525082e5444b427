import type { ConversationPage, ConversationRow } from '../protocol/rows.ts';

/** Asks for one page of conversations, newest first. `project` null: of all projects. */
export type PageSource = (query: {
  project: string | null;
  limit: number;
  cursor: string | null;
}) => Promise<ConversationPage>;

interface Strand {
  readonly project: string | null;
  rows: ConversationRow[];
  cursor: string | null;
}

/** The largest page the API gives. */
const LARGEST_PAGE = 200;

/**
 * The conversations a view shows: those of one or several projects, or of all, page by page. A reload asks for as many
 * as are shown, so that a list somebody has paged through does not shrink under the mouse.
 */
export class ConversationFeed {
  readonly #source: PageSource;
  readonly #pageSize: number;
  #strands: Strand[] = [];
  /** Raised with every change of projects: answers that belong to an older choice are dropped. */
  #generation = 0;

  constructor(source: PageSource, pageSize = 50) {
    this.#source = source;
    this.#pageSize = pageSize;
  }

  /** All rows there are so far; the view sorts. */
  get rows(): ConversationRow[] {
    return this.#strands.flatMap((strand) => strand.rows);
  }

  get hasMore(): boolean {
    return this.#strands.some((strand) => strand.cursor !== null);
  }

  /** Which projects to show; null: all of them. Forgets what was loaded. */
  show(projects: readonly string[] | null): void {
    this.#generation += 1;
    const names = projects === null ? [null] : [...new Set(projects)];
    this.#strands = names.map((project) => ({ project, rows: [], cursor: null }));
  }

  clear(): void {
    this.#generation += 1;
    for (const strand of this.#strands) {
      strand.rows = [];
      strand.cursor = null;
    }
  }

  /** Asks again for everything shown. Returns false when the answer came too late to count. */
  async reload(): Promise<boolean> {
    const generation = this.#generation;
    const loaded = await Promise.all(
      this.#strands.map(async (strand) => {
        const wanted = Math.max(strand.rows.length, this.#pageSize);
        return await this.#read(strand.project, null, wanted);
      }),
    );
    if (generation !== this.#generation) return false;
    for (const [index, strand] of this.#strands.entries()) Object.assign(strand, loaded[index]);
    return true;
  }

  /** The next page of every project that has one. */
  async more(): Promise<boolean> {
    const generation = this.#generation;
    const open = this.#strands.filter((strand) => strand.cursor !== null);
    const loaded = await Promise.all(
      open.map(async (strand) => await this.#read(strand.project, strand.cursor, this.#pageSize)),
    );
    if (generation !== this.#generation) return false;
    for (const [index, strand] of open.entries()) {
      strand.rows = once([...strand.rows, ...(loaded[index]?.rows ?? [])]);
      strand.cursor = loaded[index]?.cursor ?? null;
    }
    return true;
  }

  async #read(
    project: string | null,
    from: string | null,
    wanted: number,
  ): Promise<{ rows: ConversationRow[]; cursor: string | null }> {
    const rows: ConversationRow[] = [];
    let cursor = from;
    do {
      const limit = Math.min(LARGEST_PAGE, wanted - rows.length);
      const page = await this.#source({ project, limit, cursor });
      rows.push(...page.conversations);
      cursor = page.pagination.nextCursor;
    } while (cursor !== null && rows.length < wanted);
    return { rows: once(rows), cursor };
  }
}

/** Between two pages a conversation can move from one to the other; the tree must not have it twice. */
function once(rows: readonly ConversationRow[]): ConversationRow[] {
  const seen = new Set<string>();
  return rows.filter(({ conversationId }) => !seen.has(conversationId) && seen.add(conversationId));
}
