import { closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import type { Log } from './log.ts';

/** A log file is set aside at this size; the two before it are kept. */
const MAX_BYTES = 5 * 1024 * 1024;
const KEPT = 2;

export interface FileLog extends Log {
  /** Where it is written, for a message that points there. */
  path: string;
  close(): void;
}

/**
 * The sidecar's log: JSON lines in `<dir>/sidecar.log` (0600, rotated by size), and on stderr when that is a terminal.
 * Never on a pipe: one to a window that closes would kill a sidecar that outlives it. `mask` sees every finished line.
 */
export function openFileLog(options: {
  dir: string;
  level: string;
  mask: (line: string) => string;
}): FileLog {
  const file = new RotatingFile(join(options.dir, 'sidecar.log'));
  const terminal = process.stderr.isTTY;
  const write = (line: string): void => {
    const masked = options.mask(line);
    file.write(masked);
    if (terminal) process.stderr.write(plain(masked));
  };
  const logger = pino(
    { level: options.level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    { write },
  );
  return {
    path: file.path,
    debug: (message, fields) => {
      logger.debug(fields, message);
    },
    info: (message, fields) => {
      logger.info(fields, message);
    },
    warn: (message, fields) => {
      logger.warn(fields, message);
    },
    error: (message, fields) => {
      logger.error(fields, message);
    },
    close: () => {
      file.close();
    },
  };
}

class RotatingFile {
  readonly path: string;
  #handle: number | null = null;
  #size = 0;

  constructor(path: string) {
    this.path = path;
    this.#open();
  }

  /** Synchronous and short; a full disk costs log lines, never traffic. */
  write(line: string): void {
    try {
      if (this.#size > MAX_BYTES) this.#rotate();
      if (this.#handle === null) this.#open();
      if (this.#handle !== null) this.#size += writeSync(this.#handle, line);
    } catch {
      // Nowhere is left to say that the log cannot be written; the next line tries again.
      this.close();
    }
  }

  close(): void {
    if (this.#handle !== null) closeSync(this.#handle);
    this.#handle = null;
  }

  #open(): void {
    this.#handle = openSync(this.path, 'a', 0o600);
    this.#size = fstatSync(this.#handle).size;
  }

  #rotate(): void {
    this.close();
    for (let index = KEPT; index > 0; index--) {
      const from = index === 1 ? this.path : `${this.path}.${String(index - 1)}`;
      try {
        renameSync(from, `${this.path}.${String(index)}`);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      }
    }
    this.#open();
  }
}

/** `12:00:01 warn  message {fields}` for a reader at a terminal. */
function plain(line: string): string {
  try {
    const { time, level, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
    const name = pino.levels.labels[Number(level)] ?? 'info';
    const rest = Object.keys(fields).length === 0 ? '' : ` ${JSON.stringify(fields)}`;
    return `${String(time).slice(11, 19)} ${name.padEnd(5)} ${String(msg)}${rest}\n`;
  } catch {
    return line;
  }
}
