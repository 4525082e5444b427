import type { ComparedPart, RequestComparison } from '../../protocol/compare.ts';
import { comparableRequest } from './comparable.ts';
import { member, stringOf, type JsonObject } from './json.ts';
import { sameJson } from './same-json.ts';

/** How the second body differs from the first. Pure, total, and linear but for a run of rewritten blocks in the middle. */
export function compareRequests(
  first: unknown,
  second: unknown,
): Omit<RequestComparison, 'firstId' | 'secondId'> {
  const [a, b] = [comparableRequest(first), comparableRequest(second)];
  const parts = (x: unknown[], y: unknown[], label: (value: unknown) => string): ComparedPart[] =>
    compareLists(x, y).map(({ change, at, to }) => ({
      change,
      first: at,
      second: to,
      label: label(to === null ? x[at!] : y[to]),
    }));
  const [tools, system] = [parts(a.tools, b.tools, toolLabel), parts(a.system, b.system, blockLabel)];
  const messages = compareLists(
    a.blocks.map(({ role, block }) => ({ role, block })),
    b.blocks.map(({ role, block }) => ({ role, block })),
  ).map(({ change, at, to }) => {
    const { role, block, message } = to === null ? a.blocks[at!]! : b.blocks[to]!;
    return { change, first: at, second: to, label: `${role} · ${blockLabel(block)}`, message };
  });
  const ways = [
    ['tools', tools],
    ['system', system],
    ['messages', messages],
  ] as const;
  const differing = ways.map(([part, list]) => ({ part, index: list.findIndex(isDifferent) }));
  return {
    parameters: compareParameters(a.parameters, b.parameters),
    system,
    tools,
    messages,
    firstDifference: differing.find(({ index }) => index !== -1) ?? null,
  };
}

const isDifferent = ({ change }: ComparedPart): boolean => change !== 'equal';

function compareParameters(a: JsonObject, b: JsonObject): RequestComparison['parameters'] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].sort().map((name) => {
    const [inA, inB] = [Object.hasOwn(a, name), Object.hasOwn(b, name)];
    if (inA && inB) return { name, change: sameJson(a[name], b[name]) ? 'equal' : 'changed' };
    return { name, change: inA ? 'removed' : 'added' };
  });
}

interface Pair {
  change: ComparedPart['change'];
  at: number | null;
  to: number | null;
}

/**
 * Two lists as pairs, in order. What both begin and end with is equal; between them the longest common subsequence is,
 * and what stands across from each other in a gap has changed. Beyond `MOST_CELLS` the middle counts as changed.
 */
function compareLists(a: readonly unknown[], b: readonly unknown[]): Pair[] {
  const least = Math.min(a.length, b.length);
  let head = 0;
  while (head < least && sameJson(a[head], b[head])) head++;
  let tail = 0;
  while (tail < least - head && sameJson(a[a.length - 1 - tail], b[b.length - 1 - tail])) tail++;
  const [endA, endB] = [a.length - tail, b.length - tail];
  const pairs = Array.from({ length: head }, (_, index): Pair => equal(index, index));
  let [x, y] = [head, head];
  for (const [matchA, matchB] of [...matches(a, b, head, endA, endB), [endA, endB] as const]) {
    while (x < matchA && y < matchB) pairs.push({ change: 'changed', at: x++, to: y++ });
    while (x < matchA) pairs.push({ change: 'removed', at: x++, to: null });
    while (y < matchB) pairs.push({ change: 'added', at: null, to: y++ });
    if (matchA < endA) pairs.push(equal(x++, y++));
  }
  for (let index = 0; index < tail; index++) pairs.push(equal(endA + index, endB + index));
  return pairs;
}

const equal = (at: number, to: number): Pair => ({ change: 'equal', at, to });

const MOST_CELLS = 1_000_000;

/** Places of the longest common subsequence between `from` and the ends, in order. */
function matches(
  a: readonly unknown[],
  b: readonly unknown[],
  from: number,
  endA: number,
  endB: number,
): (readonly [number, number])[] {
  const [rows, columns] = [endA - from, endB - from];
  if (rows * columns === 0 || rows * columns > MOST_CELLS) return [];
  // Numbers for values, so that a table of comparisons is one of numbers.
  const names = new Map<string, number>();
  const nameOf = (value: unknown): number => {
    const text = JSON.stringify(value);
    const name = names.get(text) ?? names.size;
    names.set(text, name);
    return name;
  };
  const [left, right] = [a.slice(from, endA).map(nameOf), b.slice(from, endB).map(nameOf)];
  const width = columns + 1;
  const longest = new Uint32Array((rows + 1) * width);
  for (let x = rows - 1; x >= 0; x--) {
    for (let y = columns - 1; y >= 0; y--) {
      longest[x * width + y] =
        left[x] === right[y]
          ? longest[(x + 1) * width + y + 1]! + 1
          : Math.max(longest[(x + 1) * width + y]!, longest[x * width + y + 1]!);
    }
  }
  const found: [number, number][] = [];
  for (let x = 0, y = 0; x < rows && y < columns;) {
    if (left[x] === right[y]) found.push([from + x++, from + y++]);
    else if (longest[(x + 1) * width + y]! >= longest[x * width + y + 1]!) x++;
    else y++;
  }
  return found;
}

const toolLabel = (tool: unknown): string => stringOf(member(tool, 'name')) ?? 'tool';

/** `text`, `Bash`, `result of toolu_1`. */
function blockLabel(block: unknown): string {
  const type = stringOf(member(block, 'type')) ?? 'block';
  if (type.endsWith('tool_use')) return stringOf(member(block, 'name')) ?? type;
  const result = stringOf(member(block, 'tool_use_id'));
  return result === null ? type : `result of ${result}`;
}
