import type { Span } from './match.ts';

export interface Snippet {
  /** On one line; `…` where it was cut. */
  text: string;
  /** What was found, within `text`. */
  spans: Span[];
}

/** UTF-16 units before what was found first, and in all. */
const BEFORE = 60;
const LENGTH = 240;

/** The surroundings of what was found first, white space as single spaces, with all that was found in them. */
export function snippetOf(text: string, spans: readonly Span[]): Snippet {
  const first = spans[0] ?? [0, 0];
  const from = wholeCharacter(text, wordStart(text, Math.max(0, first[0] - BEFORE), first[0]));
  const to = wholeCharacter(text, Math.min(text.length, Math.max(first[1], from + LENGTH)));
  let out = from > 0 ? '…' : '';
  const found: Span[] = [];
  const add = (piece: string): void => {
    const line = piece.replace(/\s+/g, ' ');
    out += /^$|[ …]$/.test(out) ? line.replace(/^ /, '') : line;
  };
  let at = from;
  for (const [begin, end] of spans) {
    if (begin < from || begin >= to) continue;
    const cut = Math.min(end, to);
    add(text.slice(at, begin));
    const begun = out.length;
    add(text.slice(begin, cut));
    found.push([begun, out.length]);
    at = cut;
  }
  add(text.slice(at, to));
  return { text: to < text.length ? `${out.trimEnd()}…` : out.trimEnd(), spans: found };
}

/** The beginning of the next word, if there is one before what was found. */
function wordStart(text: string, from: number, before: number): number {
  if (from === 0) return 0;
  const space = text.slice(from, before).search(/\s\S/);
  return space < 0 ? from : from + space + 1;
}

function wholeCharacter(text: string, at: number): number {
  const code = text.charCodeAt(at);
  return code >= 0xdc00 && code <= 0xdfff ? at + 1 : at;
}
