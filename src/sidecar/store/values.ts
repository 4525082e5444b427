/**
 * One table of how column values look in the program, for both engines: int8 and numeric are numbers (token counts
 * and sizes stay far below 2^53), timestamptz is milliseconds since the epoch with microseconds as fraction, bytea is
 * a Buffer. PGlite's own bytea codec is 6 to 15 times slower than these two lines.
 */
export const parsers: Record<number, (text: string) => unknown> = {
  17: (text) => Buffer.from(text.slice(2), 'hex'),
  20: Number,
  1184: parseTimestamp,
  1700: Number,
};

/** What PGlite needs to write a bytea; `pg` writes Buffers by itself. */
export const serializers: Record<number, (value: Uint8Array) => string> = {
  17: (value) => `\\x${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')}`,
};

/** Milliseconds since the epoch as PostgreSQL's text, with microseconds. */
export function timestamp(ms: number): string {
  const whole = Math.floor(ms);
  const micros = Math.round((ms - whole) * 1000);
  return micros >= 1000
    ? `${new Date(whole + 1).toISOString().slice(0, -1)}000Z`
    : `${new Date(whole).toISOString().slice(0, -1)}${String(micros).padStart(3, '0')}Z`;
}

/** The API's form of a time: ISO 8601 UTC with milliseconds. */
export function isoTime(ms: number): string {
  return new Date(Math.floor(ms)).toISOString();
}

const TIMESTAMP = /^(\d{4,}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?([+-]\d\d)(?::?(\d\d))?/;

/**
 * Of PostgreSQL's own form or JSON's. In UTC, the usual case, digit by digit: 0.12 µs instead of 0.39 by the expression,
 * twice for each row of a tree. NaN for what is no time.
 */
export function parseTimestamp(text: string): number {
  const whole = text.length - (text.endsWith('+00:00') ? 6 : 3);
  const usual = whole >= 19 && text.startsWith('+00', whole);
  // `Date.UTC` takes years before 100 for those of the last century.
  if (!usual || text.charCodeAt(4) !== DASH || text.charCodeAt(0) === ZERO) return parseAnyTimestamp(text);
  let micros = 0;
  for (let at = 20, unit = 100_000; at < whole; at++, unit /= 10) micros += digits(text, at, 1) * unit;
  const seconds = Date.UTC(
    digits(text, 0, 4),
    digits(text, 5, 2) - 1,
    digits(text, 8, 2),
    digits(text, 11, 2),
    digits(text, 14, 2),
    digits(text, 17, 2),
  );
  return seconds + micros / 1000;
}

const DASH = 0x2d;
const ZERO = 0x30;

function digits(text: string, from: number, count: number): number {
  let value = 0;
  for (let at = from; at < from + count; at++) value = value * 10 + text.charCodeAt(at) - ZERO;
  return value;
}

function parseAnyTimestamp(text: string): number {
  const match = TIMESTAMP.exec(text);
  if (match === null) return Number.NaN;
  const [, date = '', time = '', fraction = '', hours = '+00', minutes = '00'] = match;
  return Date.parse(`${date}T${time}${hours}:${minutes}`) + Number(fraction.padEnd(6, '0')) / 1000;
}

/** Text a text column can hold: PostgreSQL refuses NUL and lone surrogates. Cut to `max` UTF-16 units. */
export function cleanText(text: string, max = Number.POSITIVE_INFINITY): string {
  const cut = text.length > max ? text.slice(0, max) : text;
  return cut.replaceAll('\0', '\uFFFD').toWellFormed();
}

export function cleanTextOrNull(text: string | null, max?: number): string | null {
  return text === null ? null : cleanText(text, max);
}
