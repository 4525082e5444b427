import { sql, type RawBuilder } from 'kysely';
import { selectPage, type ReadableStore } from './columns.ts';
import { REQUEST_COLUMNS, type ExchangeSummary } from './rows.ts';
import { parseTimestamp } from './values.ts';

const NAMES = REQUEST_COLUMNS.map((column) => column.slice('exchange.'.length) as keyof ExchangeSummary);
const COLUMNS = sql.join(REQUEST_COLUMNS.map((column) => sql.ref(column)));

/** Exchanges in order of their start. Their times are whole milliseconds on PGlite. */
export function selectSummaries(
  store: ReadableStore,
  where: RawBuilder<unknown>,
): Promise<ExchangeSummary[]> {
  return select(store, sql`select ${COLUMNS} from exchange ${where}`, false, Date.parse);
}

/** A page of exchanges, newest first, with their exact times: `from` selects `REQUEST_COLUMNS`. */
export function selectNewest(store: ReadableStore, from: RawBuilder<unknown>): Promise<ExchangeSummary[]> {
  return select(store, from, true, parseTimestamp);
}

function select(
  store: ReadableStore,
  from: RawBuilder<unknown>,
  descending: boolean,
  readTime: (text: string) => number,
): Promise<ExchangeSummary[]> {
  return selectPage<ExchangeSummary>(store, {
    columns: NAMES,
    times: ['started_at', 'ended_at'],
    readTime,
    from,
    order: [
      { by: 'started_at', descending },
      { by: 'id', descending },
    ],
  });
}
