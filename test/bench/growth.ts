import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase } from '../../src/sidecar/store/database.ts';
import { firstBytes } from './forwarding.ts';
import { openRoute } from './load.ts';
import { seedExchanges } from './lookup.ts';
import { startNode, type ReadyProcess } from './processes.ts';
import { migrationsDir } from '../support/databases.ts';
import { startSidecar } from './start-up.ts';
import { figure, type Row } from './table.ts';

/** What still counts as not growing: two runs of the same thing differ by as much. */
const SAME = 1.15;

/**
 * The added time to first byte of a sidecar with this many stored exchanges, as a multiple of an empty one's. Both run
 * at the same time and take turns, in front of one upstream; embedded database, 200 KB requests.
 */
export async function measureGrowth(exchanges: number, rounds: number): Promise<Row[]> {
  const dirs = [0, 1].map(() => mkdtempSync(join(tmpdir(), 'nexus-bench-')));
  const running: ReadyProcess[] = [];
  try {
    const database = await openDatabase({
      dataDir: dirs[1]!,
      databaseUrl: null,
      migrationsDir,
      creator: null,
    });
    try {
      await seedExchanges(database.db, 0, exchanges);
    } finally {
      await database.close();
    }
    const upstream = await startNode([join(import.meta.dirname, 'upstream.ts')]);
    running.push(upstream);
    const direct = String(upstream.line['url']);
    for (const dir of dirs) running.push(await startSidecar(dir, direct));
    const [, empty, full] = running.map(({ line }) => String(line['baseUrl']));
    const routes = [openRoute('direct', direct), openRoute('empty', empty!), openRoute('full', full!)];
    const rows: Row[] = [];
    for (const think of [20, 0]) {
      const added = await firstBytes(routes, 200_000, think, rounds);
      const times = { emptyMs: added('empty'), fullMs: added('full') };
      const growth = times.fullMs / times.emptyMs;
      rows.push(
        figure({
          what: `… with ${exchanges.toLocaleString('en')} stored exchanges, upstream ${think > 0 ? 'thinks 20 ms' : 'instant'}`,
          measured: growth,
          goal: SAME,
          value: `${growth.toFixed(2)}× (${times.fullMs.toFixed(2)} ms; with an empty store ${times.emptyMs.toFixed(2)} ms)`,
          goalText: `the same (≤ ${String(SAME)}×)`,
          numbers: { growth, ...times },
        }),
      );
    }
    for (const route of routes) route.close();
    return rows;
  } finally {
    await Promise.all(running.map((process) => process.stop()));
    for (const dir of dirs) rmSync(dir, { recursive: true, force: true });
  }
}
