import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { conversation } from './conversation.ts';
import { openRoute } from './load.ts';
import { startNode } from './processes.ts';
import { startSidecar } from './start-up.ts';
import { milliseconds, shown, type Row } from './table.ts';
import { eventually } from './wait.ts';

const GOAL_MS = 5;
const BODY_BYTES = 1_000_000;
const AT = Date.parse('2026-03-02T08:00:00Z');

/**
 * How late the main thread's event loop is while 1 MB turns pass and are recorded, one after the other without a pause,
 * seen from within (`loop-probe.mjs`). A turn every 60 ms or so: no session comes near.
 */
export async function measureLoop(seconds: number): Promise<Row[]> {
  const dir = mkdtempSync(join(tmpdir(), 'nexus-bench-'));
  const seen = join(dir, 'loop.json');
  const probe = pathToFileURL(join(import.meta.dirname, 'loop-probe.mjs')).href;
  const upstream = await startNode([join(import.meta.dirname, 'upstream.ts')]);
  try {
    const sidecar = await startSidecar(join(dir, 'data'), String(upstream.line['url']), {
      nodeOptions: ['--import', probe],
      env: { NEXUS_BENCH_LOOP: seen },
    });
    const route = openRoute('sidecar', String(sidecar.line['baseUrl']));
    let turns = 0;
    try {
      const bodies = largeBodies();
      for (let warm = 0; warm < 5; warm++) await route.post(bodies[warm % bodies.length]!, { think: 20 });
      process.kill(sidecar.pid, 'SIGUSR2');
      for (const end = performance.now() + seconds * 1000; performance.now() < end; turns++) {
        await route.post(bodies[turns % bodies.length]!, { think: 20, chunks: 40, gap: 1 });
      }
      process.kill(sidecar.pid, 'SIGUSR2');
      const read = await eventually(() => JSON.parse(readFileSync(seen, 'utf8')) as Record<string, number>);
      return [
        milliseconds(
          "delay of the proxy thread's loop, recording 1 MB turns, p99",
          read['p99']!,
          GOAL_MS,
          `p50 ${shown(read['p50']!)}, max ${shown(read['max']!)}; ${String(turns)} turns in ${String(seconds)} s`,
        ),
      ];
    } finally {
      route.close();
      await sidecar.stop();
    }
  } finally {
    await upstream.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

/** The last bodies of a session of about 1 MB. */
function largeBodies(): Buffer[] {
  const bodies = conversation({ turns: 190, seed: 9, at: AT }).map(({ body }) => body);
  return bodies.filter((body) => body.length > 0.9 * BODY_BYTES && body.length < 1.1 * BODY_BYTES);
}
