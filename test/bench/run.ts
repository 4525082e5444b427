import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { parts, type Part } from './parts.ts';
import { lastLineOf } from './processes.ts';
import { note, tableOf, type Row } from './table.ts';

/**
 * `npm run bench`: prints one table of figures beside their goals (`ANCHORS.md`) and writes `test-results/bench.json`.
 * `--quick` takes about a minute at smaller sizes, `--only=storage,commit` runs some of the parts. Machines are noisy:
 * forwarding is told as ratios to a bare Node pipe measured in the same run, and no figure passes or fails; only a part
 * that could not be measured ends the program with 1.
 */
const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    help: { type: 'boolean' },
  },
});
const root = join(import.meta.dirname, '..', '..');
if (options.help === true) {
  console.log('npm run bench -- [--quick] [--only=<part>,<part>]\n');
  for (const { name, about } of parts) console.log(`  ${name.padEnd(12)} ${about}`);
  process.exit(0);
}
const wanted = options.only?.split(',') ?? parts.map(({ name }) => name);
const unknown = wanted.filter((name) => !parts.some((part) => part.name === name));
if (unknown.length > 0) {
  console.error(`There is no part ${unknown.join(', ')}: ${parts.map(({ name }) => name).join(', ')}.`);
  process.exit(2);
}
if (!existsSync(join(root, 'dist', 'sidecar.mjs'))) {
  console.error('There is no dist/sidecar.mjs: run `npm run build` first.');
  process.exit(2);
}

const load = loadavg()[0] ?? 0;
const measured: { part: string; seconds: number; failed: boolean; rows: Row[] }[] = [];
for (const part of parts.filter(({ name }) => wanted.includes(name))) {
  const started = performance.now();
  process.stderr.write(`${part.name}: ${part.about} … `);
  const { rows, failed } = await measure(part, options.quick);
  const seconds = Math.round((performance.now() - started) / 100) / 10;
  process.stderr.write(`${failed ? 'failed, ' : ''}${seconds.toFixed(1)} s\n`);
  measured.push({ part: part.name, seconds, failed, rows });
}

const rows = measured.flatMap((part) => part.rows);
console.log(`\n${tableOf(rows)}`);
if (options.quick) {
  console.log(
    '\nThis was --quick: few rounds, small stores, some parts on one engine. Quote the full run only.',
  );
}
const busiest = Math.max(load, loadavg()[0] ?? 0);
if (load > cpus().length / 2) {
  console.log(
    `\nThe machine was busy before it began (load ${load.toFixed(1)} on ${String(cpus().length)} processors): times say little.`,
  );
}
const result = {
  date: new Date().toISOString(),
  commit: commit(),
  quick: options.quick,
  machine: {
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    cpu: cpus()[0]?.model ?? '',
    cpus: cpus().length,
    memoryBytes: totalmem(),
    loadBefore: load,
    loadMost: busiest,
  },
  parts: measured,
};
mkdirSync(join(root, 'test-results'), { recursive: true });
writeFileSync(join(root, 'test-results', 'bench.json'), `${JSON.stringify(result, null, 2)}\n`);
process.exitCode = measured.some(({ failed }) => failed) ? 1 : 0;

async function measure(part: Part, quick: boolean): Promise<{ rows: Row[]; failed: boolean }> {
  // Whatever the part makes goes in here, so that nothing stays even if it is killed. PostgreSQL's user has to get in.
  const made = mkdtempSync(join(tmpdir(), 'nexus-bench-'));
  chmodSync(made, 0o755);
  const args = [join(import.meta.dirname, 'part.ts'), part.name, ...(quick ? ['quick'] : [])];
  try {
    const line = await lastLineOf(args, (quick ? part.limit.quick : part.limit.full) * 1000, {
      TMPDIR: made,
      TEMP: made,
    });
    return { rows: JSON.parse(line) as Row[], failed: false };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    process.stderr.write(`\n${why}\n`);
    const [first = ''] = why.split('\n');
    return { rows: [note(`${part.name}: ${part.about}`, `could not be measured: ${first}`)], failed: true };
  } finally {
    rmSync(made, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

/** The commit that was measured, with a mark when the files are not as it has them; null outside a repository. */
function commit(): string | null {
  try {
    const git = (...args: string[]): string =>
      execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
    const changed = git('status', '--porcelain', '--untracked-files=no') !== '';
    return git('rev-parse', '--short', 'HEAD') + (changed ? ' with changes' : '');
  } catch {
    return null; // A copy without its history.
  }
}
