import { readdirSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import type { JournalNote } from '../core/frames.ts';
import { internalError, reason, shuttingDown } from '../errors.ts';
import { fromPort, type FromWorker, type ToWorker, type WorkerStart } from './messages.ts';
import type { RecorderListener, RecorderOptions, RecorderThread } from './thread.ts';

const RESTART_MS = 500;

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
): RecorderThread {
  const calls = new Map<number, Call>();
  /** Journals that still grow: a new thread must not take them for left behind. */
  const live = new Map<string, JournalNote>();
  const ready = Promise.withResolvers<undefined>();
  // Whoever does not wait for it is told by the status.
  ready.promise.catch(() => undefined);
  let worker: Worker | null = null;
  let closed = false;
  let nextCall = 1;

  const start = (leftBehind: string[]): void => {
    const data: WorkerStart = { options, leftBehind };
    const started = new Worker(workerUrl, {
      workerData: data,
      execArgv: [],
      // Whatever a library prints must not get into the ready line.
      stdout: true,
      stderr: true,
      resourceLimits: { maxYoungGenerationSizeMb: 8 },
    });
    worker = started;
    for (const stream of [started.stdout, started.stderr]) {
      stream.on('data', (text: Buffer) => {
        listener.onLog('info', 'The recorder printed something', { text: text.toString() });
      });
    }
    started.on('message', (message: FromWorker) => {
      take(message);
    });
    started.on('error', (error: Error) => {
      listener.onLog('error', 'The recorder thread failed; it is started again', {
        error: error.stack ?? error.message,
      });
    });
    started.on('exit', () => {
      worker = null;
      for (const call of calls.values()) call.reject(internalError(new Error('the recorder thread stopped')));
      calls.clear();
      if (!closed) setTimeout(restart, RESTART_MS).unref();
    });
  };

  const restart = (): void => {
    const found = listJournal(options.journalDir, listener);
    // Whoever writes to a file tells so within milliseconds: what stays untold is left behind.
    setTimeout(() => {
      if (closed) return;
      start(found.filter((id) => !live.has(id)));
      post({ kind: 'notes', notes: [...live.values()] });
    }, RESTART_MS).unref();
  };

  const post = (message: ToWorker): boolean => {
    if (worker === null) return false;
    worker.postMessage(message);
    return true;
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
        listener.onStatus(message.status);
        break;
      case 'salt':
        listener.onSalt(message.salt);
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

  start(listJournal(options.journalDir, listener));
  return {
    ready: ready.promise,
    journal(notes) {
      for (const note of notes) {
        if (note.ended) live.delete(note.id);
        else live.set(note.id, note);
      }
      post({ kind: 'notes', notes });
    },
    read: (name, ...args) => call((id) => ({ kind: 'read', call: id, name, args })),
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
