import type { JournalNote } from '../core/frames.ts';
import type { NexusEvent } from '../../protocol/events.ts';
import type { ProblemCode } from '../../protocol/problem.ts';
import { internalError, NexusError } from '../errors.ts';
import type { StoreCommands } from '../store/commands.ts';
import type { StoreReads } from '../store/reads.ts';
import type { RecorderListener, RecorderOptions } from './thread.ts';

/** What the worker starts with. `leftBehind`: ids of the journal files of an earlier life. */
export interface WorkerStart {
  options: RecorderOptions;
  leftBehind: string[];
}

/** From the main thread to the worker. `call` pairs a question with its answer. */
export type ToWorker =
  | { kind: 'notes'; notes: JournalNote[] }
  | { kind: 'read'; call: number; name: keyof StoreReads; args: unknown[] }
  | { kind: 'cancel'; call: number }
  | { kind: 'command'; call: number; name: keyof StoreCommands; args: unknown[] }
  | { kind: 'secrets'; secrets: readonly string[] }
  | { kind: 'drain'; call: number }
  | { kind: 'ping' }
  | { kind: 'close'; call: number };

/** From the worker to the main thread. The bytes of an answer are transferred, not copied. */
export type FromWorker =
  | { kind: 'ready' }
  | { kind: 'refused'; error: PortError }
  | { kind: 'event'; event: NexusEvent }
  | { kind: 'status'; status: Parameters<RecorderListener['onStatus']>[0] }
  | { kind: 'pong' }
  | { kind: 'salt'; salt: string }
  | { kind: 'released'; bytes: number }
  | { kind: 'log'; entry: Parameters<RecorderListener['onLog']> }
  | { kind: 'answer'; call: number; bytes: Uint8Array<ArrayBuffer> }
  | { kind: 'failure'; call: number; error: PortError };

/** A NexusError on its way through the port. */
export interface PortError {
  code: ProblemCode;
  status: number;
  title: string;
  detail: string;
  issues: { path: string; message: string }[] | undefined;
}

export function toPort(error: unknown): PortError {
  const known = error instanceof NexusError ? error : internalError(error);
  const { code, status, title, message, issues } = known;
  return { code, status, title, detail: message, issues };
}

export function fromPort({ code, status, title, detail, issues }: PortError): NexusError {
  return new NexusError(code, status, title, detail, issues === undefined ? {} : { issues });
}
