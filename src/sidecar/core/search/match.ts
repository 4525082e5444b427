import { fold, type Folded } from './fold.ts';
import type { Needle, Search } from './query.ts';
import type { MessageText } from './message-texts.ts';
import { beginsPart, endsPart } from './words.ts';

/** From and to (exclusive), in UTF-16 units. */
export type Span = [from: number, to: number];

/** Of several texts that have the same, the one a reader is told of. */
const KINDS = ['text', 'thinking', 'tool_use', 'tool_result'] as const;
/** So many of one needle in one text are looked for. */
const MOST_SPANS = 50;
/** So often it may stand within words, where it is not meant: a text of nothing else must not hold up everybody. */
const MOST_MISSES = 20_000;

export interface TurnMatch {
  text: MessageText;
  /** What was found in it, in order, without overlaps. */
  spans: Span[];
}

/**
 * The text of a turn that tells best why it was found: it has the most of what is wanted. null when something wanted is in
 * none of them, or something unwanted in one.
 */
export function matchTurn(texts: readonly MessageText[], { wanted, unwanted }: Search): TurnMatch | null {
  const missing = new Set(wanted);
  let best: { text: MessageText; folded: Folded; found: Needle[] } | null = null;
  for (const text of texts) {
    const folded = fold(text.text);
    if (unwanted.some((needle) => hasOne(folded, needle))) return null;
    const found = wanted.filter((needle) => hasOne(folded, needle));
    for (const needle of found) missing.delete(needle);
    if (found.length === 0) continue;
    const gain = found.length - (best?.found.length ?? 0);
    if (gain > 0 || (gain === 0 && best !== null && rank(text) < rank(best.text))) {
      best = { text, folded, found };
    }
  }
  if (best === null || missing.size > 0) return null;
  const { folded } = best;
  return {
    text: best.text,
    spans: merged(best.found.flatMap((needle) => findAll(folded, needle, MOST_SPANS))),
  };
}

const rank = ({ kind }: MessageText): number => KINDS.indexOf(kind);
const hasOne = (folded: Folded, needle: Needle): boolean => findAll(folded, needle, 1).length > 0;

/** Where it stands in the original text, `most` of them at most. */
function findAll({ text, cased, origin }: Folded, needle: Needle, most: number): Span[] {
  const { pattern, begins, ends } = needle;
  const spans: Span[] = [];
  pattern.lastIndex = 0;
  let misses = 0;
  for (let match = pattern.exec(text); match !== null && spans.length < most; match = pattern.exec(text)) {
    const end = match.index + match[0].length;
    pattern.lastIndex = match.index + 1;
    if ((begins && !beginsPart(cased, match.index)) || (ends && !endsPart(cased, end))) {
      if (++misses === MOST_MISSES) break;
      continue;
    }
    spans.push(origin === null ? [match.index, end] : [origin[match.index]!, endIn(origin, end)]);
    pattern.lastIndex = end;
  }
  return spans;
}

/** Where the character that the last unit comes from ends. */
function endIn(origin: Uint32Array, end: number): number {
  const last = origin[end - 1]!;
  let at = end;
  while (at < origin.length - 1 && origin[at] === last) at++;
  return origin[at]!;
}

function merged(spans: Span[]): Span[] {
  const sorted = spans.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const out: Span[] = [];
  for (const span of sorted) {
    const last = out.at(-1);
    if (last !== undefined && span[0] <= last[1]) last[1] = Math.max(last[1], span[1]);
    else out.push([...span]);
  }
  return out;
}
