import fc from 'fast-check';
import { expect, it } from 'vitest';
import { chainNodes } from './chain.ts';
import { runsOf } from './runs.ts';
import type { ChainItem } from './split.ts';

const user = '{"role":"user","content":\0}';
const assistant = '{"role":"assistant","content":\0}';
const text = (length: number): string => JSON.stringify({ type: 'text', text: 'x'.repeat(length) });
const result = (length: number): string =>
  JSON.stringify({ type: 'tool_result', content: 'x'.repeat(length) });
const item = ([shell, block]: [string | null, string]): ChainItem => ({
  shell: shell === null ? null : Buffer.from(shell),
  block: Buffer.from(block),
});

/** How many items each run has; `apart`: its block is stored apart. */
const shape = (...items: [string | null, string][]): (number | 'apart')[] =>
  runsOf(chainNodes(items.map(item)), false).map((run) => (run.shared === null ? run.items.length : 'apart'));

it.each<[string, [string | null, string][], (number | 'apart')[]]>([
  [
    'a run is what a message adds',
    [
      [user, text(3)],
      [assistant, text(3)],
      [null, text(3)],
      [user, text(1)],
    ],
    [1, 2, 1],
  ],
  [
    'a long text to the model may be said to others',
    [
      [user, text(2000)],
      [null, text(5)],
    ],
    ['apart', 1],
  ],
  [
    'a long answer is said once',
    [
      [assistant, text(2000)],
      [null, text(5)],
    ],
    [2],
  ],
  [
    'a result has an id of its own',
    [
      [user, result(2000)],
      [null, text(5)],
    ],
    [2],
  ],
  [
    'whatever is large is apart',
    [
      [user, text(5)],
      [null, result(20_000)],
      [null, text(5)],
    ],
    [1, 'apart', 1],
  ],
  [
    'a run ends before it is too long',
    Array.from({ length: 9 }, (_, n) => [n === 0 ? user : null, result(16_000)]),
    [4, 4, 1],
  ],
])('%s', (_what, items, expected) => {
  expect(shape(...items)).toEqual(expected);
});

it('of system and tools each item is a row', () => {
  const nodes = chainNodes([item(['', text(3)]), item(['', text(4)])]);
  expect(runsOf(nodes, true)).toEqual(
    nodes.map(({ key, depth, shell, block, blockHash }) => ({
      ...{ key, depth, items: [{ shell, block }], shared: blockHash },
    })),
  );
});

it('where runs end depends on each message alone', () => {
  const message = fc.array(fc.constantFrom(text(5), text(1500), result(9000), result(17_000)), {
    minLength: 1,
    maxLength: 9,
  });
  const messages = fc.array(fc.tuple(fc.constantFrom(user, assistant), message), {
    minLength: 1,
    maxLength: 6,
  });
  fc.assert(
    fc.property(messages, fc.nat(), (list, at) => {
      const items = (from: number, to: number): ChainItem[] =>
        list
          .slice(from, to)
          .flatMap(([shell, blocks]) => blocks.map((block, n) => item([n === 0 ? shell : null, block])));
      const cut = at % list.length;
      const whole = runsOf(chainNodes(items(0, list.length)), false);
      const head = chainNodes(items(0, cut));
      const tail = chainNodes(items(cut, list.length), head.at(-1) ?? null);
      expect([...runsOf(head, false), ...runsOf(tail, false)]).toEqual(whole);
    }),
  );
});
