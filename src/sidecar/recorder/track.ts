import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Frame } from '../core/frames.ts';
import { JournalReader } from './journal-reader.ts';
import { OpenExchange, type Step } from './open-exchange.ts';

/** Where files go that cannot be recorded; beside the journal's own. */
const FAILED_DIR = 'failed';

/**
 * One journal file on its way into the store. It is opened late (a backlog is worked off in order of start, a few
 * files at a time), read as it grows, and removed once everything in it is committed.
 */
export class Track {
  readonly id: string;
  /** When the exchange began, from its id (UUID v7), in ms. */
  readonly startedAt: number;
  /** Steps that are known and not done yet. */
  readonly steps: Step[] = [];
  exchange: OpenExchange | null = null;
  /** How often the first step has failed. */
  attempts = 0;
  #size: number;
  #ended: boolean;
  #over = false;
  readonly #path: string;
  readonly #reader: JournalReader;

  /** `size` null: a file left behind, to be read to its end. */
  constructor(path: string, size: number | null) {
    this.id = basename(path, '.nxj');
    this.startedAt = Number.parseInt(this.id.replace('-', '').slice(0, 12), 16);
    this.#path = path;
    this.#reader = new JournalReader(path);
    this.#size = size ?? Number.POSITIVE_INFINITY;
    this.#ended = size === null;
  }

  note(size: number, ended: boolean): void {
    // A file that was taken for one left behind is growing: its writer is alive.
    if (this.#size === Number.POSITIVE_INFINITY) this.#ended = ended;
    this.#size = this.#size === Number.POSITIVE_INFINITY ? size : Math.max(this.#size, size);
    this.#ended ||= ended;
  }

  /** Bytes are noted that have not been read, or the end has not been drawn from them. */
  get unread(): boolean {
    return !this.#over && (this.#ended || this.#reader.offset < this.#size);
  }

  get pending(): boolean {
    return this.unread || this.steps.length > 0;
  }

  /** Its writer will add nothing more. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Reads what is there; adds steps. Throws when the file does not begin like one. */
  async read(): Promise<void> {
    if (this.#size === Number.POSITIVE_INFINITY) this.#size = this.#reader.size();
    for (const frame of this.#reader.read(this.#size)) await this.#take(frame);
    if (this.#over) return;
    const atEnd = this.#reader.damaged || (this.#ended && this.#reader.offset >= this.#size);
    if (!atEnd) return;
    this.#over = true;
    if (this.exchange !== null) this.steps.push(...this.exchange.cutOff());
    else if (this.#reader.damaged || this.#reader.offset > 0) {
      throw new Error('The journal file does not begin with a request');
    }
  }

  /** Everything in the file is stored, or there is nothing in it. */
  get done(): boolean {
    return this.#over && this.steps.length === 0;
  }

  /** Removing the file is the acknowledgement. */
  remove(): void {
    this.close();
    rmSync(this.#path, { force: true });
  }

  /** Keeps a file that cannot be recorded out of the way of the others. */
  setAside(): void {
    this.close();
    const dir = join(dirname(this.#path), FAILED_DIR);
    if (!existsSync(this.#path)) return;
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    renameSync(this.#path, join(dir, basename(this.#path)));
  }

  close(): void {
    this.#over = true;
    this.steps.length = 0;
    this.exchange?.close();
    this.#reader.close();
  }

  async #take(frame: Frame): Promise<void> {
    if (this.#over) return;
    try {
      if (this.exchange === null) {
        this.exchange = new OpenExchange(frame);
        return;
      }
      const steps = await this.exchange.take(frame);
      this.steps.push(...steps);
      if (steps.some((step) => step.kind === 'finish')) this.#over = true;
    } catch (error) {
      // A whole frame that says nothing sensible: reading on would take the next one for something else.
      this.#over = true;
      this.steps.length = 0;
      throw error;
    }
  }
}
