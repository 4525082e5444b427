import type { NumberCoder } from './number-coder.ts';

/** How a response arrived: the decoded length of each chunk and when it came, in ms since the request began. */
export interface Cut {
  length: number;
  offsetMs: number;
}

/** Number contexts, apart from those of `stream-codec.ts` and `piece-source.ts`. */
const COUNT = 12;
const EVENTS = 13;
const REST = 14;
const GAP = 15;

/**
 * Writes or reads the cuts of a response. Most chunks end where an event does, so a cut is said as the count of events
 * since the last one and the bytes beyond (0); `ends` are the offsets at which events end, in order (none for a body
 * without events). Times are kept to a tenth of a millisecond.
 */
export function codeCuts(coder: NumberCoder, cuts: Cut[], ends: number[]): Cut[] {
  const out: Cut[] = [];
  const count = coder.number(COUNT, cuts.length);
  let events = 0;
  let rest = 0;
  let position = 0;
  let time = 0;
  for (let index = 0; index < count && !coder.exhausted; index++) {
    const cut = cuts[index];
    const target = position + (cut?.length ?? 0);
    let passed = 0;
    while (events + passed < ends.length && ends[events + passed]! <= target) passed++;
    passed = coder.number(EVENTS, passed);
    events += passed;
    const start = events === 0 ? 0 : (ends[events - 1] ?? 0);
    const from = passed === 0 ? start + rest : start;
    const end = from + coder.number(REST, Math.max(0, target - from));
    rest = end - start;
    const gap = Math.max(0, Math.round((cut?.offsetMs ?? 0) * 10) - time);
    time += coder.number(GAP, gap);
    out.push({ length: end - position, offsetMs: time / 10 });
    position = end;
  }
  return out;
}
