import { closeSync, fstatSync, openSync, readSync, statSync, watch, type FSWatcher } from 'node:fs';
import { basename, dirname } from 'node:path';

/** One entry of the sidecar's log. */
export interface LogEntry {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly text: string;
}

/** How much of an existing log is shown when following begins, in bytes. */
const BACKLOG = 16 * 1024;
/** Read at most this much at once: a log that grows faster is cut, not piled up in memory. */
const STEP = 1024 * 1024;

/** Follows a JSON-lines log file over rotation. Returns the function that stops it. */
export function followLog(file: string, onEntry: (entry: LogEntry) => void): () => void {
  const tail = new Tail(file, onEntry);
  tail.read();
  let watcher: FSWatcher | null = null;
  try {
    watcher = watch(dirname(file), { persistent: false }, (_event, name) => {
      if (name === null || name === basename(file)) tail.read();
    });
    watcher.on('error', () => watcher?.close());
  } catch {
    // Folders that cannot be watched (some network file systems): the backlog is all that is shown.
  }
  return () => watcher?.close();
}

/** A log line as an entry; a line that is not ours is shown as it is. */
export function parseLogLine(line: string): LogEntry {
  try {
    const json: unknown = JSON.parse(line);
    if (typeof json === 'object' && json !== null && 'msg' in json) return fromFields({ ...json });
  } catch {
    // Not JSON: a stack trace, or the rest of a line that was cut.
  }
  return { level: 'info', text: line };
}

function fromFields(fields: Record<string, unknown>): LogEntry {
  const { level, msg, time: _time, pid: _pid, hostname: _hostname, ...rest } = fields;
  const extra = Object.keys(rest).length === 0 ? '' : ` ${JSON.stringify(rest)}`;
  return { level: levelName(level), text: `${String(msg)}${extra}` };
}

/** pino writes numbers (20 debug, 30 info, 40 warn, 50 error) or, when told to, names. */
function levelName(level: unknown): LogEntry['level'] {
  if (level === 'debug' || level === 'info' || level === 'warn' || level === 'error') return level;
  if (typeof level !== 'number') return 'info';
  if (level < 30) return 'debug';
  if (level < 40) return 'info';
  return level < 50 ? 'warn' : 'error';
}

class Tail {
  readonly #file: string;
  readonly #onEntry: (entry: LogEntry) => void;
  #position = -1;
  #inode = 0n;

  constructor(file: string, onEntry: (entry: LogEntry) => void) {
    this.#file = file;
    this.#onEntry = onEntry;
  }

  read(): void {
    let handle: number;
    try {
      handle = openSync(this.#file, 'r');
    } catch {
      // Not written yet, or between two files of a rotation: the next change brings it.
      return;
    }
    try {
      this.#readFrom(handle);
    } finally {
      closeSync(handle);
    }
  }

  #readFrom(handle: number): void {
    const { size } = fstatSync(handle);
    const inode = statSync(this.#file, { bigint: true }).ino;
    const first = this.#position < 0;
    if (first) this.#position = Math.max(0, size - BACKLOG);
    else if (inode !== this.#inode || size < this.#position) this.#position = 0;
    this.#inode = inode;
    const cut = first && this.#position > 0;
    const start = Math.max(this.#position, size - STEP);
    const bytes = Buffer.alloc(size - start);
    const count = readSync(handle, bytes, 0, bytes.length, start);
    // Whole lines only: what follows the last line break is read again with the rest of its line.
    const end = bytes.subarray(0, count).lastIndexOf(0x0a) + 1;
    this.#position = start + end;
    const lines = bytes.toString('utf8', 0, end).split('\n');
    // A backlog begins in the middle of a line.
    for (const line of cut ? lines.slice(1) : lines) {
      if (line.trim() !== '') this.#onEntry(parseLogLine(line));
    }
  }
}
