/**
 * A small JSON scanner over bytes: it finds where values start and end and never builds them, so that cut pieces are
 * the bytes that were sent. It checks structure (brackets, commas, quotes, no raw control bytes), not every detail of
 * the grammar; positions are byte offsets, -1 means "not JSON". Iterative: deep nesting cannot overflow the stack.
 */

export const QUOTE = 0x22;
const BACKSLASH = 0x5c;
export const OPEN_OBJECT = 0x7b;
export const CLOSE_OBJECT = 0x7d;
export const OPEN_ARRAY = 0x5b;
export const CLOSE_ARRAY = 0x5d;
export const COMMA = 0x2c;
const COLON = 0x3a;

/** Called with each member's key (quotes included), where its value starts and where the previous value ended. */
type OnMember = (keyStart: number, keyEnd: number, valueStart: number, previousEnd: number) => number;

/** The offset after any white space at `i`. */
export function skipSpace(b: Uint8Array, i: number): number {
  for (;;) {
    const c = b[i];
    if (c !== 0x20 && c !== 0x0a && c !== 0x0d && c !== 0x09) return i;
    i++;
  }
}

/** 1 for the bytes that mean something inside a string: one look-up for each byte is a third faster than comparing. */
const SPECIAL = new Uint8Array(256)
  .fill(1, 0, 0x20)
  .fill(1, QUOTE, QUOTE + 1)
  .fill(1, BACKSLASH, BACKSLASH + 1);

/** The offset after the string whose opening quote is at `i`. */
export function skipString(b: Uint8Array, i: number): number {
  const end = b.length;
  for (i++; i < end; i++) {
    const c = b[i]!;
    if (SPECIAL[c] === 0) continue;
    if (c === QUOTE) return i + 1;
    if (c !== BACKSLASH) return -1;
    // Escaping does not make a control byte one of JSON's: it would be taken for a hole of a template.
    if (b[++i]! < 0x20) return -1;
  }
  return -1;
}

/** The offset after the value at `i`. */
export function skipValue(b: Uint8Array, i: number): number {
  const first = b[i];
  if (first === undefined) return -1;
  if (first === QUOTE) return skipString(b, i);
  if (first !== OPEN_OBJECT && first !== OPEN_ARRAY) return skipScalar(b, i);
  const open: number[] = [];
  const end = b.length;
  while (i < end) {
    const c = b[i]!;
    if (c === QUOTE) {
      i = skipString(b, i);
      if (i < 0) return -1;
      continue;
    }
    if (c === OPEN_OBJECT || c === OPEN_ARRAY) open.push(c);
    else if (c === CLOSE_OBJECT || c === CLOSE_ARRAY) {
      if (open.pop() !== (c === CLOSE_OBJECT ? OPEN_OBJECT : OPEN_ARRAY)) return -1;
      if (open.length === 0) return i + 1;
    } else if (c < 0x20 && c !== 0x0a && c !== 0x0d && c !== 0x09) return -1;
    i++;
  }
  return -1;
}

/** Numbers, true, false, null: letters, digits, sign, point. */
function skipScalar(b: Uint8Array, i: number): number {
  const start = i;
  for (; i < b.length; i++) {
    const c = b[i]!;
    const digit = c >= 0x30 && c <= 0x39;
    const letter = (c >= 0x61 && c <= 0x7a) || c === 0x45;
    if (!digit && !letter && c !== 0x2b && c !== 0x2d && c !== 0x2e) break;
  }
  return i === start ? -1 : i;
}

/** Walks the members of the object at `i`; `onMember` returns the end of the value (or -1). */
export function scanObject(b: Uint8Array, i: number, onMember: OnMember): number {
  if (b[i] !== OPEN_OBJECT) return -1;
  let previousEnd = i + 1;
  i = skipSpace(b, i + 1);
  if (b[i] === CLOSE_OBJECT) return i + 1;
  for (;;) {
    if (b[i] !== QUOTE) return -1;
    const keyEnd = skipString(b, i);
    if (keyEnd < 0) return -1;
    const colon = skipSpace(b, keyEnd);
    if (b[colon] !== COLON) return -1;
    const end = onMember(i, keyEnd, skipSpace(b, colon + 1), previousEnd);
    if (end < 0) return -1;
    const next = skipSpace(b, end);
    if (b[next] === CLOSE_OBJECT) return next + 1;
    if (b[next] !== COMMA) return -1;
    previousEnd = end;
    i = skipSpace(b, next + 1);
  }
}

/** How an array is spaced: after `[`, between items (comma included), before `]`. null: not seen yet. */
export interface Spacing {
  open: string | null;
  separator: string | null;
  close: string | null;
}

export const newSpacing = (): Spacing => ({ open: null, separator: null, close: null });

/** True for arrays that are written without white space, as far as they were seen. */
export function isCompact({ open, separator, close }: Spacing): boolean {
  return (open ?? '') === '' && (separator ?? ',') === ',' && (close ?? '') === '';
}

/**
 * Walks the items of the array at `i`. Arrays that share a `Spacing` must be spaced alike, else -1. `known`: where an
 * item ends; the items up to there are not walked again.
 */
export function scanArray(
  b: Buffer,
  i: number,
  spacing: Spacing,
  onItem: (start: number) => number,
  known: number | null = null,
): number {
  if (b[i] !== OPEN_ARRAY) return -1;
  const first = skipSpace(b, i + 1);
  if (b[first] === CLOSE_ARRAY) return first === i + 1 ? first + 1 : -1;
  if (!agree(spacing, 'open', b, i + 1, first)) return -1;
  i = first;
  let end = known;
  for (;;) {
    end ??= onItem(i);
    if (end < 0) return -1;
    const next = skipSpace(b, end);
    if (b[next] === CLOSE_ARRAY) return agree(spacing, 'close', b, end, next) ? next + 1 : -1;
    if (b[next] !== COMMA) return -1;
    i = skipSpace(b, next + 1);
    if (!agree(spacing, 'separator', b, end, i)) return -1;
    end = null;
  }
}

function agree(spacing: Spacing, where: keyof Spacing, b: Buffer, from: number, to: number): boolean {
  const found =
    to - from === 0 ? '' : to - from === 1 && where === 'separator' ? ',' : b.toString('latin1', from, to);
  spacing[where] ??= found;
  return spacing[where] === found;
}

/** True when the bytes from `start` to `end` are exactly `text` (ASCII). */
export function isAt(b: Uint8Array, start: number, end: number, text: string): boolean {
  if (end - start !== text.length) return false;
  for (let k = 0; k < text.length; k++) if (b[start + k] !== text.charCodeAt(k)) return false;
  return true;
}

/** True when the key holds an escape: it may mean any other key. */
export function isEscaped(b: Uint8Array, start: number, end: number): boolean {
  for (let k = start; k < end; k++) if (b[k] === BACKSLASH) return true;
  return false;
}
