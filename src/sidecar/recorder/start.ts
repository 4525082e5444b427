import { readdirSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import type { RecorderStatus } from '../../protocol/status.ts';
import type { JournalNote } from '../core/frames.ts';
import { internalError, reason, shuttingDown } from '../errors.ts';
import { fromPort, type FromWorker, type ToWorker, type WorkerStart } from './messages.ts';
import type { RecorderListener, RecorderOptions, RecorderThread } from './thread.ts';

/** Between a thread's end and the next one's start, at first. */
const RESTART_MS = 500;
const LONGEST_RESTART_MS = 30_000;
/** A thread that lived this long did not fail over its start, or over the first thing it found. */
const LIVED_MS = 60_000;
/** Whoever writes to a file tells so within milliseconds: what stays untold is left behind. */
const UNTOLD_MS = 500;

/** How long a thread may be silent. Counted in questions, so that a machine that slept is not taken for one that hangs. */
export interface Patience {
  pingMs: number;
  /** After so many unanswered questions it is told as a trouble. */
  tell: number;
  /** After so many it is ended: an embedded database whose disk failed can run in circles for ever (seen with EFBIG). */
  end: number;
}
const PATIENCE: Patience = { pingMs: 5000, tell: 3, end: 60 };

type RecorderUpdate = Parameters<RecorderListener['onStatus']>[0];
const nothingYet: RecorderStatus = { pending: 0, recorded: 0, failed: 0, dropped: 0, lastError: null };

interface Call {
  resolve(bytes: Uint8Array): void;
  reject(error: Error): void;
}

/**
 * Starts the recorder's thread. Call it before the proxy writes its first journal file: what is in the directory now
 * was left behind by an earlier life. A thread that dies is started again; its work is in the journal.
 */
export function startRecorder(
  options: RecorderOptions,
  listener: RecorderListener,
  workerUrl: URL,
  patience: Patience = PATIENCE,
): RecorderThread {
  const calls = new Map<number, Call>();
  /** Journals that still grow: a new thread must not take them for left behind. */
  const live = new Map<string, JournalNote>();
  /** Told while there was no thread: a file that began and ended meanwhile is told of only once. */
  const missed = new Map<string, JournalNote>();
  /** What threads that died have counted. */
  const earlier = { recorded: 0, failed: 0 };
  let last: RecorderUpdate | null = null;
  let restarts = 0;
  const ready = Promise.withResolvers<undefined>();
  // Whoever does not wait for it is told by the status.
  ready.promise.catch(() => undefined);
  /** Live mode: bytes of notes that the thread holds. */
  let held = 0;
  let worker: Worker | null = null;
  let closed = false;
  let nextCall = 1;
  /** A thread that is started again begins with the newest. */
  let { ownSecrets } = options;

  const start = (leftBehind: string[]): void => {
    const data: WorkerStart = { options: { ...options, ownSecrets }, leftBehind };
    const started = new Worker(workerUrl, {
      workerData: data,
      execArgv: [],
      // Whatever a library prints must not get into the ready line.
      stdout: true,
      stderr: true,
      resourceLimits: { maxYoungGenerationSizeMb: 4 },
    });
    worker = started;
    const startedAt = performance.now();
    let why = 'it ended by itself';
    let unanswered = 0;
    const watch = setInterval(() => {
      unanswered++;
      const silence = `it has not answered for ${String((patience.pingMs * unanswered) / 1000)} s`;
      if (unanswered === patience.tell + 1) tellTrouble(`The recorder is busy or hangs: ${silence}.`);
      if (unanswered > patience.end) {
        why = silence;
        void started.terminate();
      }
      post({ kind: 'ping' });
    }, patience.pingMs).unref();
    for (const stream of [started.stdout, started.stderr]) {
      stream.on('data', (text: Buffer) => {
        listener.onLog('info', 'The recorder printed something', { text: text.toString() });
      });
    }
    started.on('message', (message: FromWorker) => {
      unanswered = 0;
      take(message);
    });
    started.on('error', (error: Error) => {
      why = error.message;
      listener.onLog('error', 'The recorder thread failed', { error: error.stack ?? error.message });
    });
    started.on('exit', () => {
      worker = null;
      clearInterval(watch);
      release(held);
      for (const call of calls.values()) call.reject(internalError(new Error('the recorder thread stopped')));
      calls.clear();
      if (closed) return;
      if (performance.now() - startedAt > LIVED_MS) restarts = 0;
      const delay = Math.min(RESTART_MS * 2 ** restarts++, LONGEST_RESTART_MS);
      tellDeath(why, delay);
      setTimeout(restart, delay - UNTOLD_MS).unref();
    });
  };

  /** Live mode leaves nothing behind, and what another mode has left is for another day. */
  const leftBehind = (): string[] => (options.live === null ? listJournal(options.journalDir, listener) : []);

  const restart = (): void => {
    const found = leftBehind();
    setTimeout(() => {
      if (closed) return;
      const told = new Map([...live, ...missed]);
      missed.clear();
      start(found.filter((id) => !told.has(id)));
      post({ kind: 'notes', notes: [...told.values()] });
    }, UNTOLD_MS).unref();
  };

  const tellDeath = (why: string, delay: number): void => {
    const seconds = `${String(delay / 1000)} s`;
    earlier.recorded += last?.recorder.recorded ?? 0;
    earlier.failed += last?.recorder.failed ?? 0;
    if (last !== null) last = { ...last, recorder: { ...last.recorder, recorded: 0, failed: 0 } };
    tellTrouble(`The recorder stopped (${why}) and is started again in ${seconds}.`);
  };

  /** Until the thread itself tells how it is. */
  const tellTrouble = (what: string): void => {
    const lastError = `${what} Traffic goes on and is kept in the journal; the log says more.`;
    listener.onLog('warn', lastError, { restarts });
    const engine = options.databaseUrl === null ? 'pglite' : 'postgresql';
    last = {
      database: last?.database ?? { engine, version: null },
      recorder: { ...(last?.recorder ?? nothingYet), lastError, lastErrorAt: Date.now() },
    };
    tellStatus();
  };

  const tellStatus = (): void => {
    if (last === null) return;
    const { database, recorder, tally } = last;
    const recorded = recorder.recorded + earlier.recorded;
    listener.onStatus({
      database,
      recorder: { ...recorder, recorded, failed: recorder.failed + earlier.failed },
      ...(tally === undefined ? {} : { tally }),
    });
  };

  const post = (message: ToWorker, transfer: ArrayBuffer[] = []): boolean => {
    if (worker === null) return false;
    worker.postMessage(message, transfer);
    return true;
  };

  const release = (bytes: number): void => {
    held -= bytes;
    if (bytes > 0) listener.onReleased(bytes);
  };

  const take = (message: FromWorker): void => {
    switch (message.kind) {
      case 'ready':
        ready.resolve(undefined);
        break;
      case 'refused':
        ready.reject(fromPort(message.error));
        break;
      case 'event':
        listener.onEvent(message.event);
        break;
      case 'status':
        last = message.status;
        tellStatus();
        break;
      case 'pong':
        break;
      case 'salt':
        listener.onSalt(message.salt);
        break;
      case 'released':
        release(message.bytes);
        break;
      case 'log':
        listener.onLog(...message.entry);
        break;
      case 'answer':
        calls.get(message.call)?.resolve(message.bytes);
        calls.delete(message.call);
        break;
      case 'failure':
        calls.get(message.call)?.reject(fromPort(message.error));
        calls.delete(message.call);
        break;
    }
  };

  const call = (make: (call: number) => ToWorker): Promise<Uint8Array> =>
    new Promise((resolve, reject) => {
      const id = nextCall++;
      calls.set(id, { resolve, reject });
      if (post(make(id))) return;
      calls.delete(id);
      reject(
        closed ? shuttingDown() : internalError(new Error('the recorder thread is being started again')),
      );
    });

  start(leftBehind());
  return {
    ready: ready.promise,
    journal(notes) {
      const transfer: ArrayBuffer[] = [];
      for (const note of notes) {
        if (note.added !== undefined) transfer.push(note.added.bytes.buffer);
        else if (note.ended) live.delete(note.id);
        else live.set(note.id, note);
        if (worker === null && note.added === undefined) missed.set(note.id, note);
      }
      const bytes = transfer.reduce((sum, buffer) => sum + buffer.byteLength, 0);
      held += bytes;
      if (!post({ kind: 'notes', notes }, transfer)) release(bytes);
    },
    read: (name, ...args) => call((id) => ({ kind: 'read', call: id, name, args })),
    readUntil(signal, name, ...args) {
      let cancel = (): void => undefined;
      const answer = call((id) => {
        cancel = () => post({ kind: 'cancel', call: id });
        return { kind: 'read', call: id, name, args };
      });
      signal.addEventListener('abort', cancel);
      return answer.finally(() => {
        signal.removeEventListener('abort', cancel);
      });
    },
    command: (name, ...args) => call((id) => ({ kind: 'command', call: id, name, args })),
    setOwnSecrets(secrets) {
      ownSecrets = secrets;
      post({ kind: 'secrets', secrets });
    },
    async drain() {
      await call((id) => ({ kind: 'drain', call: id }));
    },
    async close() {
      if (closed) return;
      closed = true;
      if (worker === null) return;
      await call((id) => ({ kind: 'close', call: id }));
      await worker.terminate();
    },
  };
}

/** Ids of the journal files. A directory that is not there yet has none. */
function listJournal(dir: string, listener: RecorderListener): string[] {
  try {
    return readdirSync(dir)
      .filter((name) => /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.nxj$/.test(name))
      .map((name) => name.slice(0, -'.nxj'.length));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      listener.onLog('error', 'The journal directory cannot be read', { dir, error: reason(error) });
    }
    return [];
  }
}
