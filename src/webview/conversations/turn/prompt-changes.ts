/** What happened to an entry of the system prompt or the tool list since the turn before. */
export type Change = 'new' | 'changed' | 'same' | 'removed' | 'unknown';

export interface Compared<T> {
  value: T;
  change: Change;
}

/** Compares lists by a key (a tool's name, a block's place); without a list before, nothing is claimed. */
export function compareLists<T>(
  now: readonly T[],
  before: readonly T[] | null,
  keyOf: (value: T, index: number) => string,
): Compared<T>[] {
  if (before === null) return now.map((value) => ({ value, change: 'unknown' }));
  const old = new Map(before.map((value, index) => [keyOf(value, index), value]));
  const keys = new Set<string>();
  const compared = now.map((value, index): Compared<T> => {
    const key = keyOf(value, index);
    keys.add(key);
    if (!old.has(key)) return { value, change: 'new' };
    return { value, change: JSON.stringify(old.get(key)) === JSON.stringify(value) ? 'same' : 'changed' };
  });
  const removed = [...old]
    .filter(([key]) => !keys.has(key))
    .map(([, value]): Compared<T> => ({ value, change: 'removed' }));
  return [...compared, ...removed];
}
