import { setImmediate as macrotask } from 'node:timers/promises';
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { databaseUnavailable, NexusError, reason } from '../errors.ts';
import { version } from '../version.ts';
import { isUnavailable } from '../store/availability.ts';
import { ChainCache } from '../store/chain-cache.ts';
import { createPgliteDirectory } from '../store/pglite.ts';
import type { StoreCommands } from '../store/commands.ts';
import { createReads } from '../store/reader.ts';
import type { StoreReads } from '../store/reads.ts';
import { measureJournal } from './failed-files.ts';
import { Housekeeper } from './housekeeper.ts';
import { toPort, type FromWorker, type ToWorker, type WorkerStart } from './messages.ts';
import { Recorder } from './recorder.ts';
import { SearchIndexer } from './search-indexer.ts';
import { Tidy } from './tidy.ts';

// As a program of its own it only creates an embedded database: see `createPgliteDirectory`.
if (isMainThread) {
  const [, , command, dir] = process.argv;
  if (command !== '--create-database' || dir === undefined) {
    throw new Error('This is a part of claude-nexus; run `serve`.');
  }
  await createPgliteDirectory(dir);
} else {
  run(workerData as WorkerStart);
}

function run({ options: given, leftBehind }: WorkerStart): void {
  // One list, which everything that masks in this thread reads anew each time.
  const ownSecrets = [...given.ownSecrets];
  const options = { ...given, ownSecrets };
  const port = parentPort!;
  const post = (message: FromWorker, transfer: ArrayBuffer[] = []): void => {
    port.postMessage(message, transfer);
  };
  const recorder = new Recorder(options, leftBehind, new URL(import.meta.url), {
    onReady: () => {
      post({ kind: 'ready' });
      housekeeper.opened();
      indexer.soon();
    },
    onRefused: (error) => {
      post({ kind: 'refused', error: toPort(error) });
    },
    onLate: () => {
      housekeeper.relinkSoon();
    },
    onEvent: (event) => {
      if (event.name === 'exchange.recorded') indexer.soon();
      post({ kind: 'event', event });
    },
    onStatus: (status) => {
      post({ kind: 'status', status });
    },
    onSalt: (salt) => {
      post({ kind: 'salt', salt });
    },
    onReleased: (bytes) => {
      post({ kind: 'released', bytes });
    },
    onLog: (...entry) => {
      post({ kind: 'log', entry });
    },
  });
  const housekeeper = new Housekeeper(recorder, options, (...entry) => {
    post({ kind: 'log', entry });
  });
  const indexer = new SearchIndexer(recorder, (...entry) => {
    post({ kind: 'log', entry });
  });
  /** Reads under way; nobody waits any more for those that are aborted. */
  const reading = new Map<number, AbortController>();
  const encoder = new TextEncoder();
  const chains = new ChainCache();
  const tidy = new Tidy();
  /** Answers a call with what `work` gives, as JSON. */
  const answer = (call: number, work: () => Promise<unknown>): void => {
    work().then(
      (value) => {
        // Copied: a small buffer may lie in a pool that others use, and what is transferred is gone.
        const bytes =
          value instanceof Uint8Array ? new Uint8Array(value) : encoder.encode(JSON.stringify(value ?? null));
        post({ kind: 'answer', call, bytes }, [bytes.buffer]);
      },
      (error: unknown) => {
        const known =
          error instanceof NexusError || !isUnavailable(error) ? error : databaseUnavailable(error);
        if (!(known instanceof NexusError)) {
          const detail = error instanceof Error ? (error.stack ?? error.message) : reason(error);
          post({ kind: 'log', entry: ['error', 'A store function failed', { error: detail }] });
        }
        post({ kind: 'failure', call, error: toPort(known) });
      },
    );
  };
  const read = async (call: number, name: keyof StoreReads, args: unknown[]): Promise<unknown> => {
    const waited = new AbortController();
    reading.set(call, waited);
    try {
      return await readWhile(waited.signal, name, args);
    } catch (error) {
      if (waited.signal.aborted) return null;
      throw error;
    } finally {
      reading.delete(call);
    }
  };
  const readWhile = async (
    signal: AbortSignal,
    name: keyof StoreReads,
    args: unknown[],
  ): Promise<unknown> => {
    await recorder.connection.tried;
    const { database, error } = recorder.connection;
    if (database === null) throw error ?? databaseUnavailable(new Error('it is being opened'));
    const reads: Record<keyof StoreReads, (...args: never[]) => Promise<unknown>> = createReads(database, {
      journal: () => measureJournal(options.journalDir),
      housekeeping: () => housekeeper.state,
      generator: `claude-nexus ${version}`,
      ownSecrets,
      chains,
      slice: async (work) => {
        await macrotask();
        signal.throwIfAborted();
        return recorder.read(database, work);
      },
    });
    const work = (): Promise<unknown> => reads[name](...(args as never[]));
    // On PGlite the recorder waits for a read to its end, but not for all slices of one.
    const value = await (name === 'search' ? work() : recorder.read(database, work));
    // An export goes on and on: between its slices, as between two transactions.
    if (name === 'exportSteps') setImmediate(() => tidy.run());
    return value;
  };
  const command = async (name: keyof StoreCommands, args: unknown[]): Promise<unknown> => {
    await recorder.connection.tried;
    const commands: Record<keyof StoreCommands, (...args: never[]) => Promise<unknown>> = housekeeper;
    return commands[name](...(args as never[]));
  };
  port.on('message', (message: ToWorker) => {
    switch (message.kind) {
      case 'notes':
        recorder.journal(message.notes);
        break;
      case 'read':
        answer(message.call, () => read(message.call, message.name, message.args));
        break;
      case 'cancel':
        reading.get(message.call)?.abort();
        break;
      case 'command':
        answer(message.call, () => command(message.name, message.args));
        break;
      case 'secrets':
        ownSecrets.splice(0, ownSecrets.length, ...message.secrets);
        break;
      case 'drain':
        answer(message.call, () => recorder.drain());
        break;
      case 'ping':
        post({ kind: 'pong' });
        break;
      case 'close':
        answer(message.call, async () => {
          await indexer.close();
          await housekeeper.close();
          await recorder.close();
        });
        break;
    }
  });
  recorder.start();
}
