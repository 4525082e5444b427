import { COLUMNS, type Score } from '../support/link-score.ts';

/** What is kept of a scenario: of each column how many were right and how many there were. */
type KeptScore = Record<string, [right: number, of: number]>;
/** By the way it was replayed, then by scenario. */
export type Kept = Record<string, Record<string, KeptScore>>;

export function summary(scores: Score[]): Record<string, KeptScore> {
  return Object.fromEntries(
    scores.map(({ scenario, columns, conversations }) => {
      const all: [string, [number, number]][] = [
        ...COLUMNS.map((name): [string, [number, number]] => [name, [columns[name].right, columns[name].of]]),
        ['conversations', [conversations.whole, conversations.of]],
      ];
      return [scenario, Object.fromEntries(all.filter(([, [, of]]) => of > 0))];
    }),
  );
}

/** One sentence for whatever was right and is not any more, is not looked at any more, or is new and wrong. */
export function losses(kept: Kept, found: Kept): string[] {
  const out: string[] = [];
  for (const [way, scenarios] of Object.entries(found)) {
    for (const [scenario, columns] of Object.entries(scenarios)) {
      const before = kept[way]?.[scenario];
      for (const [column, [right, of]] of Object.entries(columns)) {
        const [wasRight, was] = before?.[column] ?? [right, right];
        const worse = right < wasRight || of - right > was - wasRight;
        if (worse) {
          out.push(
            `${way}, ${scenario}, ${column}: ${String(right)} of ${String(of)}, not ${String(wasRight)} of ${String(was)}`,
          );
        }
      }
    }
    for (const [scenario, columns] of Object.entries(kept[way] ?? {})) {
      for (const column of Object.keys(columns)) {
        if (scenarios[scenario]?.[column] === undefined) {
          out.push(`${way}, ${scenario}, ${column}: not there any more`);
        }
      }
    }
  }
  for (const way of Object.keys(kept)) {
    if (found[way] === undefined) out.push(`${way}: not replayed any more`);
  }
  return out;
}
