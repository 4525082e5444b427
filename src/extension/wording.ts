/** How numbers and times read in the side bar and the status bar. Exact values belong into tooltips (`exact`). */

/** `950`, `12.4k`, `62k`, `1.2M`. */
export function compact(count: number): string {
  if (count < 1000) return String(Math.round(count));
  if (count < 99_950) return `${trimmed(count / 1000)}k`;
  if (count < 999_500) return `${String(Math.round(count / 1000))}k`;
  return `${trimmed(count / 1_000_000)}M`;
}

/** `12,400`, grouped. */
export function exact(count: number): string {
  return new Intl.NumberFormat('en-US').format(count);
}

/** `1 branch`, `2 branches`. */
export function plural(count: number, one: string, many: string): string {
  return `${exact(count)} ${count === 1 ? one : many}`;
}

/** How long ago, short: `now`, `4 min`, `2 h`, `3 d`. Times in ms since 1970. */
export function age(then: number, now: number): string {
  const minutes = Math.floor((now - then) / 60_000);
  if (minutes < 1) return 'now';
  if (minutes < 60) return `${String(minutes)} min`;
  if (minutes < 24 * 60) return `${String(Math.floor(minutes / 60))} h`;
  return `${String(Math.floor(minutes / (24 * 60)))} d`;
}

/** `claude-haiku-4-5-20251001` → `haiku-4-5`: in a narrow list the maker and the date are noise. */
export function shortModel(model: string): string {
  return model.replace(/^claude-/, '').replace(/-20\d{6}$/, '');
}

/**
 * Text of a conversation as one plain line. It was written by others: control characters, line breaks and characters
 * that turn or hide text (bidi, zero width) become spaces, so that a title cannot pretend to be something else.
 */
export function oneLine(text: string): string {
  return text
    .replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\s]+/g, ' ')
    .trim();
}

function trimmed(value: number): string {
  return value.toFixed(1).replace(/\.0$/, '');
}
