import { setImmediate as macrotask } from 'node:timers/promises';
import { decodeFrames } from '../../src/sidecar/core/frames.ts';
import { OpenExchange } from '../../src/sidecar/recorder/open-exchange.ts';
import { Preparation } from '../../src/sidecar/recorder/preparation.ts';
import { recordEnd } from '../../src/sidecar/recorder/record-end.ts';
import { recordRequest, type RecordContext } from '../../src/sidecar/recorder/record.ts';
import { openDatabase, type Database, type DatabaseOptions } from '../../src/sidecar/store/database.ts';
import { conversation, journalFile, type BenchTurn } from './conversation.ts';

export interface CommitEffort {
  /** Conversations of `turns` turns each, recorded one after the other. */
  conversations: number;
  turns: number;
}

/** Milliseconds, one per turn, in order. */
export interface CommitTimes {
  /** The transaction that stores a request, linked and running. */
  request: number[];
  /** The transaction that stores what became of it. */
  end: number[];
  /** Both of a turn. */
  turn: number[];
  /** All that the recorder does for a turn once its journal is read: preparing, looking up, committing. */
  whole: number[];
}

export interface CommitLatencies {
  wall: CommitTimes;
  /** This thread's processor time: what PGlite takes on a machine that has nothing else to do, however busy this one
   * is. Without the server's share on PostgreSQL. */
  cpu: CommitTimes;
}

/**
 * Records long conversations in this process, as the recorder's thread does, and measures their transactions from
 * `begin` to the answer of `commit`. The first two turns of a conversation (where all of its 100 KB are new) count too.
 */
export async function measureCommit(
  options: DatabaseOptions,
  { conversations, turns }: CommitEffort,
): Promise<CommitLatencies> {
  const opened = await openDatabase(options);
  const latencies: CommitLatencies = { wall: noTimes(), cpu: noTimes() };
  try {
    const { database, taken } = timed(opened);
    const context: RecordContext = {
      database,
      salt: 'made-up',
      preparation: new Preparation(),
      // As the recorder does it.
      pause: () => macrotask(),
    };
    for (let seed = 1; seed <= conversations; seed++) {
      // The planner's statistics, as the recorder has them renewed now and then.
      if (seed === 2) await opened.analyze(() => Promise.resolve());
      for (const turn of conversation({ turns, seed, at: START + seed * 86_400_000 })) {
        await recordTurn(context, turn, taken, latencies);
      }
    }
  } finally {
    await opened.close();
  }
  return latencies;
}

const START = Date.parse('2026-03-02T08:00:00Z');

async function recordTurn(
  context: RecordContext,
  turn: BenchTurn,
  taken: Moment[],
  latencies: CommitLatencies,
): Promise<void> {
  const { frames } = decodeFrames(journalFile(turn).bytes);
  const exchange = new OpenExchange(frames[0]!, { mode: 'own', ownSecrets: [] });
  for (const frame of frames) await exchange.take(frame);
  taken.length = 0;
  const started = now();
  await recordRequest(context, exchange);
  exchange.dropRequest();
  await recordEnd(
    context,
    exchange,
    { reason: 'complete', error: null, requestBodyNote: null },
    exchange.lastAt,
  );
  const whole = since(started);
  exchange.close();
  // Whoever makes room for a month of usage has a transaction of its own, before the last one.
  const [request, end] = [taken[0], taken.at(-1)];
  if (request === undefined || end === undefined || taken.length < 2) {
    throw new Error('A turn is two transactions');
  }
  for (const clock of ['wall', 'cpu'] as const) {
    const times = latencies[clock];
    times.request.push(request[clock]);
    times.end.push(end[clock]);
    times.turn.push(request[clock] + end[clock]);
    times.whole.push(whole[clock]);
  }
}

/** A database that notes how long each of its transactions took. */
function timed(opened: Database): { database: Database; taken: Moment[] } {
  const taken: Moment[] = [];
  const transaction = (): Pick<ReturnType<Database['db']['transaction']>, 'execute'> => ({
    async execute(work) {
      const started = now();
      const result = await opened.db.transaction().execute(work);
      taken.push(since(started));
      return result;
    },
  });
  const db = new Proxy(opened.db, {
    get(target, name) {
      if (name === 'transaction') return transaction;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  return { database: { ...opened, db }, taken };
}

interface Moment {
  wall: number;
  cpu: number;
}

function now(): Moment {
  const { user, system } = process.threadCpuUsage();
  return { wall: performance.now(), cpu: (user + system) / 1000 };
}

function since(started: Moment): Moment {
  const { wall, cpu } = now();
  return { wall: wall - started.wall, cpu: cpu - started.cpu };
}

const noTimes = (): CommitTimes => ({ request: [], end: [], turn: [], whole: [] });
