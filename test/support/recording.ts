import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NexusEvent } from '../../src/protocol/events.ts';
import type { RecorderStatus } from '../../src/protocol/status.ts';
import { encodeFrame, FrameKind, type EndFrame, type RequestHead } from '../../src/sidecar/core/frames.ts';
import { uuidV7 } from '../../src/sidecar/core/ids.ts';
import { startRecorder, type Patience } from '../../src/sidecar/recorder/start.ts';
import type { RecorderOptions, RecorderThread } from '../../src/sidecar/recorder/thread.ts';
import type { StoreCommands } from '../../src/sidecar/store/commands.ts';
import type { StoreReads } from '../../src/sidecar/store/reads.ts';
import { migrationsDir, type TestDatabase } from './databases.ts';

/** One exchange as a test wants it; everything has a default but what is sent. */
export interface ScriptedExchange {
  id?: string;
  /** ms since the epoch; the id's time. */
  at: number;
  head?: Partial<RequestHead>;
  /** JSON, or the bytes themselves; null: no body. */
  body: unknown;
  response?: {
    status?: number;
    headers?: [string, string][];
    /** Each chunk as it arrives. */
    chunks: (Buffer | string)[];
    /** When the response head arrives, in ms after the request; chunks follow every 10 ms. */
    afterMs?: number;
  };
  /** How it ended; null: no end frame. Default: complete. */
  end?: Partial<EndFrame> | null;
}

export interface Journalled {
  id: string;
  bytes: Buffer;
  /** When the last frame was written, in ms since the epoch. */
  endedAt: number;
}

/** The journal file the proxy would have written. */
export function journalOf(script: ScriptedExchange): Journalled {
  const id = script.id ?? uuidV7(script.at);
  const body = script.body === null ? null : Buffer.isBuffer(script.body) ? script.body : json(script.body);
  const head: RequestHead = {
    id,
    tenant: 'local',
    project: 'shop',
    domain: 'localhost:3000',
    method: 'POST',
    path: '/v1/messages',
    httpVersion: '1.1',
    headers: [
      ['content-type', 'application/json'],
      ['content-length', String(body?.length ?? 0)],
    ],
    credential: null,
    redactions: [],
    ...script.head,
  };
  const frames = [encodeFrame(FrameKind.requestHead, script.at, json(head))];
  if (body !== null) frames.push(encodeFrame(FrameKind.requestBody, script.at, body));
  let at = script.at;
  if (script.response !== undefined) {
    const { status = 200, headers = [], chunks, afterMs = 20 } = script.response;
    at += afterMs;
    frames.push(
      encodeFrame(FrameKind.responseHead, at, json({ status, statusText: '', headers, ours: false })),
    );
    for (const chunk of chunks) {
      at += 10;
      frames.push(encodeFrame(FrameKind.chunk, at, Buffer.from(chunk)));
    }
  }
  if (script.end !== null) {
    at += 10;
    const end: EndFrame = { reason: 'complete', error: null, requestBodyNote: null, ...script.end };
    frames.push(encodeFrame(FrameKind.end, at, json(end)));
  }
  return { id, bytes: Buffer.concat(frames), endedAt: at };
}

/** Writes a journal file nobody tells of: one left behind, for the next start. */
export function leaveBehind(dataDir: string, script: ScriptedExchange): Journalled {
  const journalled = journalOf(script);
  mkdirSync(join(dataDir, 'journal'), { recursive: true });
  writeFileSync(join(dataDir, 'journal', `${journalled.id}.nxj`), journalled.bytes);
  return journalled;
}

export const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

export interface Recording {
  recorder: RecorderThread;
  events: NexusEvent[];
  /** The recorder's last status. */
  status(): RecorderStatus;
  logs: string[];
  /** Writes a journal file and tells the recorder of it, as the proxy does. */
  write(script: ScriptedExchange): Journalled;
  writeRaw(id: string, bytes: Buffer, note?: { size: number; ended: boolean }): void;
  read<K extends keyof StoreReads>(
    name: K,
    ...args: Parameters<StoreReads[K]>
  ): Promise<Awaited<ReturnType<StoreReads[K]>>>;
  command<K extends keyof StoreCommands>(
    name: K,
    ...args: Parameters<StoreCommands[K]>
  ): Promise<Awaited<ReturnType<StoreCommands[K]>>>;
  /** Names of the files in the journal directory. */
  files(dir?: string): string[];
  close(): Promise<void>;
}

/** A recorder thread on a test's database, running from the sources. */
export function startRecording(
  database: Pick<TestDatabase, 'dataDir' | 'databaseUrl'>,
  options: {
    migrations?: string;
    salt?: string;
    recorder?: Partial<RecorderOptions>;
    worker?: string;
    patience?: Patience | undefined;
  } = {},
): Recording {
  const journalDir = join(database.dataDir, 'journal');
  mkdirSync(journalDir, { recursive: true });
  const events: NexusEvent[] = [];
  const logs: string[] = [];
  let status: RecorderStatus = { pending: 0, recorded: 0, failed: 0, dropped: 0, lastError: null };
  const recorder = startRecorder(
    {
      dataDir: database.dataDir,
      journalDir,
      migrationsDir: options.migrations ?? migrationsDir,
      databaseUrl: database.databaseUrl,
      salt: options.salt ?? 'made-up-salt',
      redactBodies: 'own',
      ownSecrets: [],
      retention: { days: 0, bytes: 0 },
      samplesDir: null,
      live: null,
      ...options.recorder,
    },
    {
      onEvent: (event) => events.push(event),
      onStatus: (update) => (status = update.recorder),
      onSalt: () => undefined,
      onReleased: () => undefined,
      onLog: (level, message, fields) => logs.push(`${level} ${message} ${JSON.stringify(fields)}`),
    },
    new URL(options.worker ?? '../../src/sidecar/recorder/worker.ts', import.meta.url),
    options.patience,
  );
  return {
    recorder,
    events,
    logs,
    status: () => status,
    write(script) {
      const journalled = leaveBehind(database.dataDir, script);
      recorder.journal([{ id: journalled.id, size: journalled.bytes.length, ended: script.end !== null }]);
      return journalled;
    },
    writeRaw(id, bytes, note) {
      writeFileSync(join(journalDir, `${id}.nxj`), bytes);
      if (note !== undefined) recorder.journal([{ id, ...note }]);
    },
    async read(name, ...args) {
      const bytes = await recorder.read(name, ...args);
      return JSON.parse(Buffer.from(bytes).toString()) as never;
    },
    async command(name, ...args) {
      const bytes = await recorder.command(name, ...args);
      return JSON.parse(Buffer.from(bytes).toString()) as never;
    },
    files: (dir = '') => {
      try {
        return readdirSync(join(journalDir, dir));
      } catch {
        return []; // Not there: nothing in it.
      }
    },
    close: () => recorder.close(),
  };
}
