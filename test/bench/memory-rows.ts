import { join } from 'node:path';
import { benchEngines, withDatabase } from './engines.ts';
import { measureMemory } from './memory.ts';
import { startNode } from './processes.ts';
import { note, type Row } from './table.ts';

const GOAL_MB = { pglite: 350, postgresql: 200 };
const TURNS = { full: 20_000, quick: 100 };

/** Memory after 2,000 and after 20,000 turns; the quick run sends 100 and only to the embedded database. */
export async function memoryRows(quick: boolean): Promise<Row[]> {
  if (process.platform !== 'linux') return [note('sidecar memory', 'can be measured on Linux only')];
  const rows: Row[] = [];
  const upstream = await startNode([join(import.meta.dirname, 'upstream.ts')]);
  try {
    for (const engine of quick ? (['pglite'] as const) : benchEngines) {
      const measured = await withDatabase(engine, ({ databaseUrl }) =>
        measureMemory({
          upstream: String(upstream.line['url']),
          turns: quick ? TURNS.quick : TURNS.full,
          databaseUrl,
          goalMb: GOAL_MB[engine],
        }),
      );
      rows.push(...measured);
    }
  } finally {
    await upstream.stop();
  }
  return rows;
}
