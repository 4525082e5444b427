import type { EndFrame, Frame } from '../core/frames.ts';
import type { BodyPolicy } from '../core/redact-edits.ts';
import { JournalReader } from './journal-reader.ts';
import type { JournalSource } from './journal-source.ts';
import { OpenExchange, type Step } from './open-exchange.ts';

/** The end of a journal whose writer lives and has stopped writing (a full disk, a slow one). */
const givenUp: EndFrame = {
  reason: 'shutdown',
  error: { code: 'not_recorded', message: 'The rest was not recorded: the disk was full or too slow' },
  requestBodyNote: null,
};

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
  /** Nobody tells of it: its writer died, or an earlier recorder thread did. */
  #leftBehind: boolean;
  readonly #source: JournalSource;
  readonly #policy: BodyPolicy;
  readonly #reader: JournalReader;

  /** `size` null: a file left behind, to be read to its end. */
  constructor(id: string, size: number | null, source: JournalSource, policy: BodyPolicy) {
    this.id = id;
    this.startedAt = Number.parseInt(this.id.replace('-', '').slice(0, 12), 16);
    this.#source = source;
    this.#policy = policy;
    this.#reader = new JournalReader(() => source.open(id));
    this.#size = size ?? Number.POSITIVE_INFINITY;
    this.#ended = size === null;
    this.#leftBehind = size === null;
  }

  note(size: number, ended: boolean): void {
    // A file that was taken for one left behind is growing: its writer is alive.
    if (this.#leftBehind) this.#ended = ended;
    this.#leftBehind = false;
    this.#size = this.#size === Number.POSITIVE_INFINITY ? size : Math.max(this.#size, size);
    this.#ended ||= ended;
  }

  /** Bytes that are known to be in it. */
  get size(): number {
    return Number.isFinite(this.#size) ? this.#size : 0;
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
    const frames = this.#reader.read(this.#size);
    for (const frame of frames) await this.#take(frame);
    if (this.#over) return;
    // Somebody has cut it: to wait for the rest of what was told would keep all others waiting too.
    if (frames.length === 0 && !this.#reader.damaged) this.#size = this.#reader.offset;
    const atEnd = this.#reader.damaged || (this.#ended && this.#reader.offset >= this.#size);
    if (!atEnd) return;
    this.#over = true;
    if (this.exchange !== null) this.steps.push(...this.exchange.cutOff(this.#leftBehind ? null : givenUp));
    else if (this.#reader.damaged) throw new Error('The journal file does not begin with a request');
    // Else its writer died within the first frame, before a byte went upstream: there is no exchange to tell of.
  }

  /** Everything in the file is stored, or there is nothing in it. */
  get done(): boolean {
    return this.#over && this.steps.length === 0;
  }

  /** Removing the file is the acknowledgement. */
  remove(): void {
    this.close();
    this.#source.remove(this.id);
  }

  /** Keeps a file that cannot be recorded out of the way of the others. */
  setAside(): void {
    this.close();
    this.#source.setAside(this.id);
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
        this.exchange = new OpenExchange(frame, this.#policy);
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
