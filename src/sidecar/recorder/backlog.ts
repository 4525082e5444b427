import type { JournalNote } from '../core/frames.ts';
import type { BodyPolicy } from '../core/redact-edits.ts';
import type { JournalSource } from './journal-source.ts';
import { Track } from './track.ts';

const REMEMBERED = 1000;

/**
 * The journal files that are not yet wholly recorded, and what is next. Files wait unopened until their time has come,
 * so that hours without a database cost no memory, and a backlog is recorded in the order in which things happened.
 */
export class Backlog {
  readonly #source: JournalSource;
  readonly #policy: BodyPolicy;
  /** Not opened; in order of id, which is the order of start. */
  readonly #waiting: Track[];
  readonly #open = new Map<string, Track>();
  readonly #tracks = new Map<string, Track>();
  /** Files that were set aside while their writer was still at work: its notes mean nothing any more. */
  readonly #dead = new Set<string>();
  /** Recorded and removed lately: a note may still be under way. */
  readonly #finished = new Set<string>();

  constructor(source: JournalSource, leftBehind: string[], policy: BodyPolicy) {
    this.#source = source;
    this.#policy = policy;
    this.#waiting = leftBehind.toSorted().map((id) => new Track(id, null, source, policy));
    for (const track of this.#waiting) this.#tracks.set(track.id, track);
  }

  note({ id, size, ended }: JournalNote): void {
    if (this.#dead.has(id)) {
      if (ended) this.#dead.delete(id);
      return;
    }
    if (this.#finished.has(id)) return;
    const known = this.#tracks.get(id);
    if (known !== undefined) {
      known.note(size, ended);
      return;
    }
    const track = new Track(id, size, this.#source, this.#policy);
    track.note(size, ended);
    this.#tracks.set(id, track);
    const later = this.#waiting.findLastIndex((other) => other.id < id);
    this.#waiting.splice(later + 1, 0, track);
  }

  /** How many exchanges have something that is not stored yet. */
  get pending(): number {
    let count = this.#waiting.length;
    for (const track of this.#open.values()) if (track.pending) count++;
    return count;
  }

  /** When the oldest exchange that has something to store began, in ms since the epoch; null when there is none. */
  get oldestPendingAt(): number | null {
    let oldest = this.#waiting[0]?.startedAt ?? Number.POSITIVE_INFINITY;
    for (const track of this.#open.values()) {
      if (track.pending) oldest = Math.min(oldest, track.startedAt);
    }
    return Number.isFinite(oldest) ? oldest : null;
  }

  /** Bytes of the journals that are not wholly recorded; of those left behind, once they are opened. */
  get bytes(): number {
    let total = 0;
    for (const track of this.#tracks.values()) total += track.size;
    return total;
  }

  /** A file to read from: an open one that has grown, else the next one to open when its time has come. */
  unread(): Track | null {
    for (const track of this.#open.values()) if (track.unread) return track;
    const first = this.#waiting[0];
    if (first === undefined) return null;
    const step = this.next()?.steps[0];
    if (step !== undefined && first.startedAt > step.at) return null;
    this.#waiting.shift();
    this.#open.set(first.id, first);
    return first;
  }

  /**
   * The track whose next step happened first. At the same millisecond what ends comes before what begins: a request
   * is not earlier than the answer it follows.
   */
  next(): Track | null {
    let first: Track | null = null;
    for (const track of this.#open.values()) {
      if (track.steps.length > 0 && (first === null || before(track, first))) first = track;
    }
    return first;
  }

  /** After its file was removed. */
  forget(track: Track): void {
    this.#drop(track);
    this.#finished.add(track.id);
    for (const oldest of this.#finished) {
      if (this.#finished.size <= REMEMBERED) break;
      this.#finished.delete(oldest);
    }
  }

  /** Forgets a file that was set aside, and what its writer may still say of it. */
  bury(track: Track): void {
    this.#drop(track);
    if (!track.ended) this.#dead.add(track.id);
  }

  /** Drops the oldest exchanges that nobody has begun to read, for as long as there is `tooMuch`; returns how many. */
  dropWaiting(tooMuch: () => boolean): number {
    let dropped = 0;
    while (tooMuch()) {
      const oldest = this.#waiting.shift();
      if (oldest === undefined) break;
      this.bury(oldest);
      oldest.remove();
      dropped++;
    }
    return dropped;
  }

  close(): void {
    for (const track of this.#open.values()) track.close();
  }

  #drop(track: Track): void {
    this.#tracks.delete(track.id);
    this.#open.delete(track.id);
  }
}

function before(a: Track, b: Track): boolean {
  const [one, other] = [a.steps[0]!, b.steps[0]!];
  if (one.at !== other.at) return one.at < other.at;
  const [rankOne, rankOther] = [Number(one.kind === 'begin'), Number(other.kind === 'begin')];
  return rankOne === rankOther ? a.id < b.id : rankOne < rankOther;
}
