import { expect, test } from 'vitest';
import { blockHash, chainNodes } from './chain.ts';

const item = (shell: string | null, block: string): { shell: Buffer | null; block: Buffer } => ({
  shell: shell === null ? null : Buffer.from(shell),
  block: Buffer.from(block),
});
const keys = (...items: [string | null, string][]): string[] =>
  chainNodes(items.map(([shell, block]) => item(shell, block))).map(({ key }) => key.toString('hex'));

test('equal prefixes have equal keys, and a key says everything before it', () => {
  const [a, b] = keys(['u', 'one'], [null, 'two']);
  expect(keys(['u', 'one'], [null, 'two'], ['v', 'three']).slice(0, 2)).toEqual([a, b]);
  expect(keys(['u', 'ONE'], [null, 'two'])[1]).not.toBe(b);
});

test('shell, block and their border all count', () => {
  const all = [
    keys(['u', 'x']),
    keys([null, 'x']),
    keys(['', 'x']),
    keys(['ux', '']),
    keys(['x', 'u']),
  ].flat();
  expect(new Set(all).size).toBe(all.length);
});

test('depth counts from one, and the block hash is the block alone', () => {
  const nodes = chainNodes([item('u', 'one'), item('v', 'one')]);
  expect(nodes.map(({ depth }) => depth)).toEqual([1, 2]);
  expect(nodes.map((node) => node.blockHash)).toEqual([
    blockHash(Buffer.from('one')),
    blockHash(Buffer.from('one')),
  ]);
  expect(chainNodes([])).toEqual([]);
});
