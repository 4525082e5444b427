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
  nodeFlags?: string[];
}

/**
 * The resident memory of the whole sidecar (one process: proxy, recorder, embedded database) while growing conversations
 * pass, two at a time, each turn recorded before memory is read. Linux only: elsewhere there are no rows.
 */
export async function measureMemory(options: MemoryOptions): Promise<Row[]> {
  if (process.platform !== 'linux') return [];
  const dataDir = mkdtempSync(join(tmpdir(), 'nexus-memory-'));
  const args = ['serve', '--port', '0', '--data-dir', dataDir, '--upstream', options.upstream];
  if (options.databaseUrl !== null) args.push('--database-url', options.databaseUrl);
  const env = { DATABASE_URL: '', LOG_LEVEL: 'error', DEBUG: '', DEBUG_SQL: '' };
  const sidecar = await startNode([...(options.nodeFlags ?? []), sidecarScript, ...args], env);
  const routes = [0, 1].map((n) => openRoute(`memory ${String(n)}`, String(sidecar.line['baseUrl'])));
  const samples: { turns: number; mb: number }[] = [];
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
      samples.push({ turns: sent + step, mb: residentMb(sidecar.pid) });
    }
  } finally {
    for (const route of routes) route.close();
    await sidecar.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
  const engine = options.databaseUrl === null ? 'PGlite' : 'PostgreSQL';
  const first = samples.find(({ turns }) => turns >= 2000) ?? samples.at(-1)!;
  const last = samples.at(-1)!;
  const row = (sample: { turns: number; mb: number }): Row => ({
    what: `sidecar memory after ${String(sample.turns)} turns, ${engine}`,
    value: `${sample.mb.toFixed(0)} MB (${samples.map(({ mb }) => mb.toFixed(0)).join(', ')})`,
    goal: `≤ ${String(options.goalMb)} MB`,
    met: sample.mb <= options.goalMb,
    numbers: { mb: sample.mb, turns: sample.turns },
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

/** VmRSS of proc(5), which is in KiB. */
function residentMb(pid: number): number {
  const status = readFileSync(`/proc/${String(pid)}/status`, 'utf8');
  return (Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1024) / MB;
}
