import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { quantile } from './load.ts';
import { startNode, type ReadyProcess } from './processes.ts';
import type { Row } from './table.ts';

const root = join(import.meta.dirname, '..', '..');
const bundle = join(root, 'dist', 'extension.cjs');

/** Starts the built sidecar on a free port; every setting of the outer environment that could change it is cleared. */
export function startSidecar(
  dataDir: string,
  upstream: string,
  more: { nodeOptions?: string[]; env?: Record<string, string>; databaseUrl?: string | null } = {},
): Promise<ReadyProcess> {
  const args = ['serve', '--port', '0', '--data-dir', dataDir, '--upstream', upstream];
  const env = {
    DATABASE_URL: more.databaseUrl ?? '',
    LOG_LEVEL: 'error',
    DEBUG: '',
    DEBUG_SQL: '',
    STORAGE_ENABLED: '',
    ...more.env,
  };
  return startNode([...(more.nodeOptions ?? []), join(root, 'dist', 'sidecar.mjs'), ...args], env);
}

/** `measureReady` in front of an upstream that nobody asks. */
export async function measureStart(effort: number): Promise<Row[]> {
  const upstream = await startNode([join(import.meta.dirname, 'upstream.ts')]);
  try {
    return await measureReady(String(upstream.line['url']), effort);
  } finally {
    await upstream.stop();
  }
}

/** From spawn to the ready line: on an empty data directory (cold), then on the same one again (warm). */
async function measureReady(upstream: string, effort: number): Promise<Row[]> {
  const cold: number[] = [];
  const warm: number[] = [];
  for (let round = 0; round < Math.max(1, Math.round(2 * effort)); round++) {
    const dataDir = mkdtempSync(join(tmpdir(), 'nexus-bench-'));
    for (const times of [cold, warm, warm]) {
      const sidecar = await startSidecar(dataDir, upstream);
      times.push(sidecar.readyMs);
      await sidecar.stop();
    }
    rmSync(dataDir, { recursive: true, force: true });
  }
  const row = (what: string, values: number[], goal: number | null): Row => ({
    what,
    value: `${(quantile(values, 0.5) / 1000).toFixed(2)} s (of ${values.length})`,
    goal: goal === null ? '' : `≤ ${goal / 1000} s`,
    met: goal === null ? null : quantile(values, 0.5) <= goal,
    numbers: { medianMs: quantile(values, 0.5) },
  });
  return [row('sidecar ready, warm', warm, 1500), row('sidecar ready, new data directory', cold, null)];
}

/** Loading the bundle and `activate()` itself, in a fresh process each time. */
export async function measureActivation(effort: number): Promise<Row[]> {
  if (!existsSync(bundle)) {
    return [{ what: 'extension activate()', value: 'not built', goal: '≤ 50 ms', met: null, numbers: {} }];
  }
  const activate: number[] = [];
  const load: number[] = [];
  for (let round = 0; round < Math.ceil(5 * effort); round++) {
    const probe = await startNode([join(import.meta.dirname, 'activation-probe.ts'), bundle]);
    await probe.stop();
    activate.push(Number(probe.line['settledMs'] ?? probe.line['activateMs']));
    load.push(Number(probe.line['loadMs']));
  }
  const median = quantile(activate, 0.5);
  return [
    {
      what: 'extension activate()',
      value: `${median.toFixed(1)} ms (and ${quantile(load, 0.5).toFixed(1)} ms to load the bundle)`,
      goal: '≤ 50 ms',
      met: median <= 50,
      numbers: { activateMs: median, loadMs: quantile(load, 0.5) },
    },
  ];
}
