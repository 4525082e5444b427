import { withDatabase, type BenchEngine } from './engines.ts';
import { quantile } from './load.ts';
import { measureLookups } from './lookup.ts';
import { figure, milliseconds, shown, type Row } from './table.ts';

const GOAL_MS = 0.3;
/** What still counts as flat: the largest store against the smallest. */
const FLAT = 1.5;

/** The link finder at several sizes of the store, and how much slower the largest is than the smallest. */
export async function lookupRows(engine: BenchEngine, sizes: number[], rounds: number): Promise<Row[]> {
  const measured = await withDatabase(engine, ({ options }) => measureLookups(options, sizes, rounds));
  const medians = measured.map(({ continued }) => quantile(continued, 0.5));
  const rows = measured.map(({ exchanges, continued, opened }, index) =>
    milliseconds(
      `linking look-up at ${exchanges.toLocaleString('en')} exchanges (${engine}), p50`,
      medians[index]!,
      GOAL_MS,
      `p99 ${shown(quantile(continued, 0.99))}; for a new conversation ${shown(quantile(opened, 0.5))}`,
    ),
  );
  const growth = medians.at(-1)! / medians[0]!;
  rows.push(
    figure({
      what: `… the largest store against the smallest (${engine})`,
      measured: growth,
      goal: FLAT,
      value: `${shown(growth)}× slower at ${String(sizes.at(-1)! / sizes[0]!)}× the size`,
      goalText: `flat (≤ ${String(FLAT)}×)`,
      numbers: { growth },
    }),
  );
  return rows;
}
