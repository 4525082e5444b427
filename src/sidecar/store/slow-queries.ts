import type { LogEvent } from 'kysely';
import type { SlowQuery } from '../../protocol/storage.ts';
import type { StatementLog } from './statement-log.ts';

/** From here on a statement is slow, ms. */
export const SLOW_QUERY_MS = 100;
/** Statements remembered; the one seen longest ago goes first. */
const REMEMBERED = 20;
const LONGEST_TEXT = 500;

/**
 * The slow statements of this process's connection, by text. Kysely's texts hold `$1` where a value was, so nothing of
 * what was recorded is in them.
 */
export class SlowQueries {
  readonly #seen = new Map<string, SlowQuery>();
  readonly #log: StatementLog | null;

  /** `log` hears of the ones that are slow by its own measure. */
  constructor(log: StatementLog | null = null) {
    this.#log = log;
  }

  /** For Kysely's `log`. */
  readonly log = (event: LogEvent): void => {
    const { query, queryDurationMillis: ms } = event;
    if (ms >= SLOW_QUERY_MS) this.#note(query.sql, ms);
    this.#log?.slow(query.sql, ms);
  };

  /** The slowest first. */
  list(): SlowQuery[] {
    return [...this.#seen.values()].sort((a, b) => b.maxMs - a.maxMs);
  }

  #note(sql: string, ms: number): void {
    const query = shorten(sql);
    const before = this.#seen.get(query);
    this.#seen.delete(query);
    const calls = (before?.calls ?? 0) + 1;
    this.#seen.set(query, {
      query,
      calls,
      meanMs: ((before?.meanMs ?? 0) * (calls - 1) + ms) / calls,
      maxMs: Math.max(before?.maxMs ?? 0, ms),
    });
    const [oldest] = this.#seen.keys();
    if (this.#seen.size > REMEMBERED && oldest !== undefined) this.#seen.delete(oldest);
  }
}

export function shorten(sql: string): string {
  const line = sql.replaceAll(/\s+/g, ' ').trim();
  return line.length > LONGEST_TEXT ? `${line.slice(0, LONGEST_TEXT)}…` : line;
}
