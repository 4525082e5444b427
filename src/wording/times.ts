/** Times as panels and side bar show them: relative in place, absolute in the tooltip, always in the user's zone. */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

function two(value: number): string {
  return String(value).padStart(2, '0');
}

function midnight(time: Date): number {
  return new Date(time.getFullYear(), time.getMonth(), time.getDate()).getTime();
}

/** `now`, `4 min`, `2 h`, `3 d` (whole ones that have passed), then the date. Times are milliseconds since the epoch. */
export function formatAge(at: number, now: number): string {
  const age = now - at;
  if (age < 45_000) return 'now';
  if (age < HOUR) return `${Math.max(1, Math.floor(age / MINUTE))} min`;
  if (age < DAY) return `${Math.floor(age / HOUR)} h`;
  if (age < 30 * DAY) return `${Math.floor(age / DAY)} d`;
  return formatDate(at);
}

/** `just now`, `4 min ago`. */
export function formatAgo(at: number, now: number): string {
  const age = formatAge(at, now);
  if (age === 'now') return 'just now';
  return now - at < 30 * DAY ? `${age} ago` : `on ${age}`;
}

/** `09:12:40`. */
export function formatClock(at: number): string {
  const time = new Date(at);
  return `${formatHour(at)}:${two(time.getSeconds())}`;
}

/** `09:12`. */
export function formatHour(at: number): string {
  const time = new Date(at);
  return `${two(time.getHours())}:${two(time.getMinutes())}`;
}

/** `2026-11-23`. */
function formatDate(at: number): string {
  const time = new Date(at);
  return `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
}

/** `2026-11-23 09:12:40`: for tooltips. */
export function formatAbsolute(at: number): string {
  return `${formatDate(at)} ${formatClock(at)}`;
}

/** `Today`, `Yesterday`, the weekday within a week, then the date: headings of a list grouped by day. */
export function formatDay(at: number, now: number): string {
  const time = new Date(at);
  const days = Math.round((midnight(new Date(now)) - midnight(time)) / DAY);
  if (days <= 0) return 'Today';
  if (days === 1) return 'Yesterday';
  if (days < 7) return new Intl.DateTimeFormat('en-US', { weekday: 'long' }).format(time);
  const sameYear = time.getFullYear() === new Date(now).getFullYear();
  return new Intl.DateTimeFormat('en-GB', {
    day: 'numeric',
    month: 'long',
    ...(sameYear ? {} : { year: 'numeric' }),
  }).format(time);
}

/**
 * The time in a branch id, as milliseconds: `branch_YYYYMMDDHHMMSS` and `compact_HHMMSS` are UTC; the latter has no
 * date, so it takes the day of `near`. null: the id holds no time.
 */
export function branchTime(branchId: string, near: number): number | null {
  const long = /^branch_(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)/.exec(branchId);
  if (long) {
    const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = long.slice(1).map(Number);
    return Date.UTC(year, month - 1, day, hour, minute, second);
  }
  const short = /^compact_(\d\d)(\d\d)(\d\d)/.exec(branchId);
  if (!short) return null;
  const [hour = 0, minute = 0, second = 0] = short.slice(1).map(Number);
  const day = new Date(near);
  return Date.UTC(day.getUTCFullYear(), day.getUTCMonth(), day.getUTCDate(), hour, minute, second);
}
