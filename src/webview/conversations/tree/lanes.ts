import type { Turn } from './turns.ts';

/** Up to this many branches each have a column of their own; beyond, a column is used again when its branch ended. */
const OWN_COLUMNS = 8;

export interface Lanes {
  of: Map<string, number>;
  count: number;
}

interface Span {
  branchId: string;
  from: number;
  to: number;
}

/** Gives every branch a column: in order of appearance, from its branch point to its last turn. */
export function placeLanes(turns: readonly Turn[]): Lanes {
  const rowOf = new Map(turns.map((turn, row) => [turn, row]));
  const spans = new Map<string, Span>();
  turns.forEach((turn, row) => {
    const span = spans.get(turn.branchId);
    if (span) span.to = row;
    else {
      spans.set(turn.branchId, {
        branchId: turn.branchId,
        from: (turn.parent && rowOf.get(turn.parent)) ?? row,
        to: row,
      });
    }
  });
  const of = new Map<string, number>();
  const taken: Span[][] = [];
  for (const span of spans.values()) {
    const free = taken.findIndex((used) =>
      used.every((other) => other.to < span.from || other.from > span.to),
    );
    const lane = taken.length < OWN_COLUMNS || free < 1 ? taken.length : free;
    (taken[lane] ??= []).push(span);
    of.set(span.branchId, lane);
  }
  return { of, count: Math.max(1, taken.length) };
}
