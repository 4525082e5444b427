import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { comparableRequest, comparableText } from './comparable.ts';
import { compareRequests } from './compare-requests.ts';

const text = (value: string, more: object = {}): object => ({ type: 'text', text: value, ...more });
const marked = { cache_control: { type: 'ephemeral' } };

describe('two requests', () => {
  const check = (first: unknown[], second: unknown[], changes: string, at: number | null): void => {
    const body = (content: unknown[]): object => ({ messages: [{ role: 'user', content }] });
    const { messages, firstDifference } = compareRequests(body(first), body(second));
    expect(messages.map(({ change }) => change[0]).join('')).toBe(changes);
    expect(firstDifference).toEqual(at === null ? null : { part: 'messages', index: at });
  };
  const blocks = (words: string): object[] => Array.from(words, (word) => text(word));

  it('are compared block by block', () => {
    check(blocks('abc'), blocks('abc'), 'eee', null);
    check(blocks('ab'), blocks('abc'), 'eea', 2);
    check(blocks('abc'), blocks('ac'), 'ere', 1);
    check(blocks('abc'), blocks('axc'), 'ece', 1);
    check(blocks('abcd'), blocks('xbyd'), 'cece', 0);
    check([], blocks('a'), 'a', 0);
  });

  it('are the same whatever their cache marks, order of members and strings', () => {
    const first = {
      model: 'm',
      system: 's',
      messages: [{ role: 'user', content: 'hi' }],
      tools: [{ name: 'x', a: 1 }],
    };
    const second = {
      tools: [{ a: 1, name: 'x', ...marked }],
      messages: [{ content: [{ text: 'hi', type: 'text', ...marked }], role: 'user' }],
      system: [{ type: 'text', text: 'x-anthropic-billing-header: cc_version=1;' }, text('s', marked)],
      model: 'm',
    };
    expect(compareRequests(first, second).firstDifference).toBeNull();
    expect(comparableText(first)).toBe(comparableText(second));
  });

  it('part where the cache does: tools first, then system', () => {
    const first = { tools: [{ name: 'x' }], system: 'a', messages: [] };
    const second = { tools: [{ name: 'x' }, { name: 'y' }], system: 'b', messages: [] };
    const { firstDifference, tools, system, parameters } = compareRequests(
      { ...first, max_tokens: 1, stream: true },
      { ...second, max_tokens: 2, top_k: 1 },
    );
    expect(firstDifference).toEqual({ part: 'tools', index: 1 });
    expect([...tools, ...system].map(({ label, change }) => `${label} ${change}`)).toEqual([
      'x equal',
      'y added',
      'text changed',
    ]);
    expect(parameters.map(({ name, change }) => `${name} ${change}`)).toEqual([
      'max_tokens changed',
      'stream removed',
      'top_k added',
    ]);
  });
});

const value = fc.constantFrom('a', 'b', 'c', 'd');
const request = fc.record({
  model: fc.constantFrom('m', 'n'),
  tools: fc.array(
    value.map((name) => ({ name })),
    { maxLength: 4 },
  ),
  messages: fc.array(
    fc.record({
      role: fc.constantFrom('user', 'assistant'),
      content: fc.oneof(
        value,
        fc.array(
          value.map((word) => text(word)),
          { maxLength: 3 },
        ),
      ),
    }),
    { maxLength: 4 },
  ),
});

describe('any two requests', () => {
  it('every part of both is told once and in order, and equal ones are', () => {
    fc.assert(
      fc.property(request, request, (first, second) => {
        const { messages, firstDifference } = compareRequests(first, second);
        const [a, b] = [comparableRequest(first).blocks, comparableRequest(second).blocks];
        const places = (of: 'first' | 'second'): number[] =>
          messages.flatMap((part) => (part[of] === null ? [] : [part[of]]));
        expect(places('first')).toEqual(a.map((_, index) => index));
        expect(places('second')).toEqual(b.map((_, index) => index));
        for (const part of messages.filter(({ change }) => change === 'equal')) {
          const of = ({ role, block }: (typeof a)[number]): unknown[] => [role, block];
          expect(of(a[part.first!]!)).toEqual(of(b[part.second!]!));
        }
        const parted = firstDifference === null ? null : firstDifference.part;
        if (parted === 'messages') expect(messages[firstDifference!.index]?.change).not.toBe('equal');
      }),
    );
  });

  it('as much is equal one way as the other', () => {
    fc.assert(
      fc.property(request, request, (first, second) => {
        const count = (x: unknown, y: unknown, change: string): number =>
          compareRequests(x, y).messages.filter((part) => part.change === change).length;
        expect(count(first, second, 'equal')).toBe(count(second, first, 'equal'));
      }),
    );
  });

  it('one equals itself, and odd bodies are no trouble', () => {
    fc.assert(
      fc.property(fc.oneof(request, fc.jsonValue()), fc.jsonValue(), (one, odd) => {
        expect(compareRequests(one, structuredClone(one)).firstDifference).toBeNull();
        compareRequests(one, odd);
        expect(typeof comparableText(odd)).toBe('string');
      }),
    );
  });
});
