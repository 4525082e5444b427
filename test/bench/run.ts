import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { measureLatency } from './latency.ts';
import { startNode } from './processes.ts';
import { measureActivation, measureReady, startSidecar } from './start-up.ts';
import { tableOf, type Row } from './table.ts';

/**
 * `npm run bench`: prints one table of figures beside their goals and writes `test-results/bench.json`. `--quick` takes
 * less than a minute. Machines are noisy: figures of proxies are ratios to a bare Node pipe measured in the same run,
 * and nothing here passes or fails.
 */
const { values: options } = parseArgs({
  options: { quick: { type: 'boolean', default: false } },
});
const effort = options.quick ? 0.5 : 2;
const root = join(import.meta.dirname, '..', '..');
const here = import.meta.dirname;
if (!existsSync(join(root, 'dist', 'sidecar.mjs'))) {
  console.error('There is no dist/sidecar.mjs: run `npm run build` first.');
  process.exit(2);
}

const load = loadavg()[0] ?? 0;
const dataDir = mkdtempSync(join(tmpdir(), 'nexus-bench-'));
const upstream = await startNode([join(here, 'upstream.ts')]);
const direct = String(upstream.line['url']);
const bare = await startNode([join(here, 'bare-pipe.ts'), direct]);
const sidecar = await startSidecar(dataDir, direct);
const rows: Row[] = [];
try {
  const urls = { direct, bare: String(bare.line['url']), sidecar: String(sidecar.line['baseUrl']) };
  rows.push(...(await measureLatency(urls, effort)));
} finally {
  await Promise.all([sidecar.stop(), bare.stop()]);
}
rows.push(...(await measureReady(direct, effort)), ...(await measureActivation(effort)));
await upstream.stop();
rmSync(dataDir, { recursive: true, force: true });

console.log(tableOf(rows));
if (load > cpus().length / 2) {
  console.log(
    `\nThe machine was busy (load ${load.toFixed(1)} on ${cpus().length} processors): compare nothing but ratios, and not closely.`,
  );
}
mkdirSync(join(root, 'test-results'), { recursive: true });
const machine = { node: process.version, cpus: cpus().length, cpu: cpus()[0]?.model ?? '', load };
writeFileSync(
  join(root, 'test-results', 'bench.json'),
  `${JSON.stringify({ machine, quick: options.quick, rows }, null, 2)}\n`,
);
