import { sql, type RawBuilder } from 'kysely';
import { selectPage, type PageQuery, type ReadableStore } from './columns.ts';
import { REQUEST_COLUMNS, type ExchangeSummary } from './rows.ts';

const COLUMNS = sql.join(REQUEST_COLUMNS.map((column) => sql.ref(column)));

const SUMMARY: Omit<PageQuery<ExchangeSummary>, 'from' | 'order'> = {
  columns: REQUEST_COLUMNS.map((column) => column.slice('exchange.'.length) as keyof ExchangeSummary),
  times: ['started_at', 'ended_at'],
  readTime: Date.parse,
};

/** Exchanges in order of their start. */
export async function selectSummaries(
  store: ReadableStore,
  where: RawBuilder<unknown>,
): Promise<ExchangeSummary[]> {
  return selectPage<ExchangeSummary>(store, {
    ...SUMMARY,
    from: sql`select ${COLUMNS} from exchange ${where}`,
    order: [
      { by: 'started_at', descending: false },
      { by: 'id', descending: false },
    ],
  });
}
