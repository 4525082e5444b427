import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { openRoute } from './load.ts';
import { startNode } from './processes.ts';
import type { Row } from './table.ts';

const sidecarScript = join(import.meta.dirname, '..', '..', 'dist', 'sidecar.mjs');
/** Turns of one conversation; its last body is about 350 KB, as a long Claude Code session's. */
const TURNS = 100;
const TURN_BYTES = 3500;
const MB = 1e6;

export interface MemoryOptions {
  upstream: string;
  /** Turns to send in all; memory is told after 2,000 and at the end. */
  turns: number;
  /** null: the embedded database. */
  databaseUrl: string | null;
  goalMb: number;
}

interface Sample {
  turns: number;
  mb: number;
  /** The most there was until then. */
  mostMb: number;
}

/**
 * The resident memory of the whole sidecar (one process: proxy, recorder, embedded database) while growing conversations
 * pass, two at a time, each turn recorded before memory is read. A `serve` without flags starts itself anew with those
 * that the extension and `npm start` pass (`src/sidecar/small-memory.ts`): what is measured is what everybody gets.
 * Linux only: elsewhere there are no rows.
 */
export async function measureMemory(options: MemoryOptions): Promise<Row[]> {
  if (process.platform !== 'linux') return [];
  const dataDir = mkdtempSync(join(tmpdir(), 'nexus-memory-'));
  const args = ['serve', '--port', '0', '--data-dir', dataDir, '--upstream', options.upstream];
  if (options.databaseUrl !== null) args.push('--database-url', options.databaseUrl);
  const env = { DATABASE_URL: '', LOG_LEVEL: 'error', DEBUG: '', DEBUG_SQL: '' };
  const sidecar = await startNode([sidecarScript, ...args], env);
  const routes = [0, 1].map((n) => openRoute(`memory ${String(n)}`, String(sidecar.line['baseUrl'])));
  const samples: Sample[] = [];
  try {
    const step = Math.min(1000, options.turns);
    for (let sent = 0; sent < options.turns; sent += step) {
      await Promise.all(
        routes.map(async (route, index) => {
          for (let turn = 0; turn < step / routes.length; turn++) {
            await route.post(turnOf(index, (sent + turn) / routes.length), {});
          }
        }),
      );
      await recorded(sidecar.line);
      samples.push({ turns: sent + step, ...residentMb(sidecar.pid) });
    }
  } finally {
    for (const route of routes) route.close();
    await sidecar.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
  const engine = options.databaseUrl === null ? 'PGlite' : 'PostgreSQL';
  const first = samples.find(({ turns }) => turns >= 2000) ?? samples.at(-1)!;
  const last = samples.at(-1)!;
  const seen = samples.map(({ mb }) => mb.toFixed(0)).join(', ');
  const row = (sample: Sample): Row => ({
    what: `sidecar memory after ${String(sample.turns)} turns, ${engine}`,
    value: `${sample.mb.toFixed(0)} MB (at most ${sample.mostMb.toFixed(0)}; by 1,000: ${seen})`,
    goal: `≤ ${String(options.goalMb)} MB`,
    met: sample.mb <= options.goalMb,
    numbers: { mb: sample.mb, mostMb: sample.mostMb, turns: sample.turns },
  });
  return first === last ? [row(first)] : [row(first), row(last)];
}

/** The body of a turn of a conversation that grows: every turn repeats what came before. */
function turnOf(stream: number, turn: number): Buffer {
  const conversation = Math.floor(turn / TURNS);
  const messages = Array.from({ length: 2 * Math.floor(turn % TURNS) + 1 }, (_, index) => ({
    role: index % 2 === 0 ? 'user' : 'assistant',
    content: `${String(stream)}.${String(conversation)}.${String(index)} ${sentence}`.slice(
      0,
      TURN_BYTES / 2,
    ),
  }));
  const session = `memory-${String(stream)}-${String(conversation)}`;
  const metadata = { user_id: JSON.stringify({ device_id: 'd', account_uuid: 'a', session_id: session }) };
  return Buffer.from(
    JSON.stringify({ model: 'claude-opus-5-5', max_tokens: 1024, stream: true, messages, metadata }),
  );
}

const sentence =
  'The retry reads a stream that was read before, so nothing is sent and nobody notices. '.repeat(30);

/** Waits until nothing waits to be recorded. */
async function recorded(line: Record<string, unknown>): Promise<void> {
  const headers = { authorization: `Bearer ${String(line['token'])}` };
  for (;;) {
    const answer = await fetch(`${String(line['url'])}/api/status`, { headers });
    const status = (await answer.json()) as {
      database: { version: unknown };
      recorder: { pending: number };
    };
    if (status.database.version !== null && status.recorder.pending === 0) return;
    await wait(100);
  }
}

/** VmRSS and VmHWM of proc(5), which are in KiB. */
function residentMb(pid: number): Pick<Sample, 'mb' | 'mostMb'> {
  const status = readFileSync(`/proc/${String(pid)}/status`, 'utf8');
  const mb = (name: string): number =>
    (Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) * 1024) / MB;
  return { mb: mb('VmRSS'), mostMb: mb('VmHWM') };
}
