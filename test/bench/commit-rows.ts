import { measureCommit, type CommitEffort } from './commit.ts';
import { withDatabase, type BenchEngine } from './engines.ts';
import { quantile } from './load.ts';
import { milliseconds, shown, type Row } from './table.ts';

const P50_GOAL = 1.5;
const P99_GOAL = 6;

/** The transactions of turns as rows: each of a turn's two counts as one commit. */
export async function commitRows(engine: BenchEngine, effort: CommitEffort): Promise<Row[]> {
  const { wall, cpu } = await withDatabase(engine, ({ options }) => measureCommit(options, effort));
  const commits = [...wall.request, ...wall.end];
  const median = (times: number[]): string => shown(quantile(times, 0.5));
  const parts = `request ${median(wall.request)}, end ${median(wall.end)}, a whole turn with preparing ${median(wall.whole)}`;
  const processor = median([...cpu.request, ...cpu.end]);
  return [
    milliseconds(
      `commit (${engine}), p50`,
      quantile(commits, 0.5),
      P50_GOAL,
      `${parts}; processor time here ${processor}`,
    ),
    milliseconds(
      `commit (${engine}), p99`,
      quantile(commits, 0.99),
      P99_GOAL,
      `of ${String(commits.length)} commits`,
    ),
  ];
}
