import type { SidecarStatus } from '../protocol/status.ts';
import { formatBytes, formatDuration, formatExact, plural } from '../wording/numbers.ts';

/** Exchanges are stored within milliseconds; the oldest waiting for longer than this is worth a sign, ms. */
const BEHIND_MS = 5000;
/** So long after the last lost exchange the sign for it goes away (the tooltip keeps the number), ms. */
const LOSS_SHOWN_MS = 60_000;

/**
 * How recording is going. `behind`: exchanges wait longer than they should; `paused`: something keeps them from being
 * stored, they wait; `losing`: exchanges are not recorded at all.
 */
export type RecorderHealth = 'well' | 'behind' | 'paused' | 'losing';

/** Follows the recorder through the sidecar's statuses. */
export class RecorderWatch {
  #dropped: number | null = null;
  #lostAt = -Infinity;
  #health: RecorderHealth = 'well';
  #told = false;

  get health(): RecorderHealth {
    return this.#health;
  }

  /** Takes the newest status, `now` in ms since the epoch; a line for the log when something begins or is over. */
  take(status: SidecarStatus, now: number): { level: 'info' | 'warn'; text: string } | null {
    const { dropped } = status.recorder;
    // What was lost before this window looked is told by its number.
    if (this.#dropped !== null && dropped > this.#dropped) this.#lostAt = now;
    this.#dropped = dropped;
    const before = this.#health;
    this.#health = healthOf(status, now, now - this.#lostAt < LOSS_SHOWN_MS);
    // What pauses or loses is in the sidecar's own log, which the channel shows too; so is the end of that.
    if (before === 'well' && this.#health === 'behind') {
      this.#told = true;
      return { level: 'warn', text: `Recording is behind: ${waiting(status, now)}.` };
    }
    if (!this.#told || this.#health !== 'well') return null;
    this.#told = false;
    return { level: 'info', text: 'Recording has caught up.' };
  }

  /** Another sidecar counts anew. */
  reset(): void {
    this.#dropped = null;
    this.#lostAt = -Infinity;
    this.#health = 'well';
    this.#told = false;
  }
}

function healthOf({ recorder }: SidecarStatus, now: number, lately: boolean): RecorderHealth {
  if (lately) return 'losing';
  if (recorder.lastError !== null) return 'paused';
  const oldest = recorder.oldestPendingAt ?? null;
  return recorder.pending > 0 && oldest !== null && now - oldest > BEHIND_MS ? 'behind' : 'well';
}

/** `12 exchanges wait to be stored, the oldest for 14 s`. */
function waiting({ recorder }: SidecarStatus, now: number): string {
  const { pending } = recorder;
  const oldest = recorder.oldestPendingAt ?? null;
  const since = oldest === null ? '' : `, the oldest for ${formatDuration(Math.max(0, now - oldest))}`;
  return `${formatExact(pending)} ${pending === 1 ? 'exchange waits' : 'exchanges wait'} to be stored${since}`;
}

/** What stands behind the item's figure, and the same for a screen reader; null while all is well. */
export function healthSign(
  health: RecorderHealth,
  { recorder }: SidecarStatus,
): { icon: string; text: string; label: string } | null {
  const { pending, dropped } = recorder;
  switch (health) {
    case 'well':
      return null;
    case 'behind':
      return {
        icon: '$(history)',
        text: `${formatExact(pending)} waiting`,
        label: `${plural(pending, 'exchange')} waiting to be stored`,
      };
    case 'paused':
      return {
        icon: '$(warning)',
        text: pending > 0 ? `${formatExact(pending)} waiting` : 'storing paused',
        label:
          pending > 0 ? `Storing is paused, ${plural(pending, 'exchange')} waiting` : 'Storing is paused',
      };
    case 'losing':
      return {
        icon: '$(warning)',
        text: `${formatExact(dropped)} not recorded`,
        label: `${plural(dropped, 'exchange')} not recorded`,
      };
  }
}

/** The lines of the tooltip, as Markdown: what is wrong in numbers, why, and what to do. `escape`: text of others. */
export function healthLines(status: SidecarStatus, now: number, escape: (text: string) => string): string[] {
  const { recorder } = status;
  const lines: string[] = [];
  const place = status.storage === 'live' ? 'memory' : 'the journal';
  const size = recorder.journalBytes === undefined ? '' : ` (${formatBytes(recorder.journalBytes)})`;
  const behind = healthOf(status, now, false) === 'behind';
  if (recorder.lastError !== null) lines.push(`$(warning) ${escape(recorder.lastError)}`);
  if (recorder.pending > 0 && (behind || recorder.lastError !== null)) {
    lines.push(
      `$(history) ${waiting(status, now)}. They are kept in ${place}${size} and stored by themselves; Claude is not slowed down.`,
    );
  }
  if (recorder.dropped > 0) {
    lines.push(`$(warning) ${lost(recorder.dropped, 'not recorded')}${why(recorder.lastDrop, escape)}`);
  }
  if (recorder.failed > 0) {
    lines.push(`$(warning) ${lost(recorder.failed, 'not stored')}${why(recorder.lastFailure, escape)}`);
  }
  return lines;
}

const lost = (count: number, what: string): string =>
  `${formatExact(count)} ${count === 1 ? 'exchange was' : 'exchanges were'} ${what} since the start`;

const why = (reason: string | null | undefined, escape: (text: string) => string): string =>
  reason === null || reason === undefined ? '.' : `: ${escape(reason)}`;
