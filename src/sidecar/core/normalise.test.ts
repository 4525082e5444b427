import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { extendChain, linkChain, systemHash } from './normalise.ts';
import { stripReminders } from './reminders.ts';

const user = (...content: unknown[]): unknown => ({ role: 'user', content });
const assistant = (...content: unknown[]): unknown => ({ role: 'assistant', content });
const said = (text: string, more = {}): unknown => ({ type: 'text', text, ...more });
const call = (id: string, input: unknown = {}): unknown => ({ type: 'tool_use', id, name: 'Read', input });
const result = (id: string, content: unknown, more = {}): unknown => ({
  type: 'tool_result',
  tool_use_id: id,
  content,
  ...more,
});
const tip = (...messages: unknown[]): string | null => linkChain(messages).tip?.toString('hex') ?? null;
const reminder = (text: string): string => `<system-reminder>${text}</system-reminder>`;

describe('the same history, sent in another way', () => {
  const same: [string, unknown[], unknown[]][] = [
    ['string and array', [{ role: 'user', content: 'hello' }], [user(said('hello'))]],
    ['a moved cache mark', [user(said('a', { cache_control: { type: 'ephemeral' } }))], [user(said('a'))]],
    ['CRLF', [user(said('a\r\nb'))], [user(said('a\nb'))]],
    ['outer white space', [user(said('  a \n'))], [user(said('a'))]],
    ['reminder blocks', [user(said(reminder('x')), said('a'))], [user(said('a'))]],
    ['reminders inside a text', [user(said(`a ${reminder('x\ny')}`))], [user(said('a'))]],
    ['nested reminders', [user(said(`a${reminder(`quote: ${reminder('inner')} rest`)}`))], [user(said('a'))]],
    [
      'reminders at the end of a tool result',
      [user(result('t', `out\n${reminder('x')}`))],
      [user(result('t', 'out'))],
    ],
    ['a tool result as array', [user(result('t', [said('out')]))], [user(result('t', 'out'))]],
    ['is_error false', [user(result('t', 'x', { is_error: false }))], [user(result('t', 'x'))]],
    ['a message of reminders only', [user(said(reminder('x'))), user(said('a'))], [user(said('a'))]],
    ['empty blocks and messages', [user(), user(said('')), user(said('a'), said(' '))], [user(said('a'))]],
    [
      'thinking dropped',
      [assistant({ type: 'thinking', thinking: 't', signature: 's' }, said('a'))],
      [assistant(said('a'))],
    ],
    [
      'redacted thinking',
      [assistant({ type: 'redacted_thinking', data: 'd' }, said('a'))],
      [assistant(said('a'))],
    ],
    ['messages with role system', [user(said('a')), { role: 'system', content: 'env' }], [user(said('a'))]],
    [
      'key order',
      [assistant(call('t', { a: 1, b: { c: 2, d: 3 } }))],
      [assistant(call('t', { b: { d: 3, c: 2 }, a: 1 }))],
    ],
    [
      'doubled tool messages',
      [assistant(call('t')), user(result('t', 'x')), assistant(call('t')), user(result('t', 'x'))],
      [assistant(call('t')), user(result('t', 'x'))],
    ],
    [
      'results in another order',
      [user(result('a', '1'), result('b', '2'))],
      [user(result('b', '2'), result('a', '1'))],
    ],
    ['one message or two', [user(said('a'), said('b'))], [user(said('a')), user(said('b'))]],
    ['citations and other metadata', [assistant(said('a', { citations: null }))], [assistant(said('a'))]],
    [
      'an image by its data',
      [user({ type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } })],
      [
        user({
          type: 'image',
          source: { data: 'AAAA', type: 'base64', media_type: 'image/png' },
          cache_control: {},
        }),
      ],
    ],
  ];
  test.each(same)('%s', (_name, a, b) => {
    expect(tip(...a)).toBe(tip(...b));
  });
});

describe('another history', () => {
  const different: [string, unknown[], unknown[]][] = [
    ['text', [user(said('a'))], [user(said('b'))]],
    ['role', [user(said('a'))], [assistant(said('a'))]],
    ['where blocks end', [user(said('a'), said('b'))], [user(said('ab'))]],
    ['tool input', [assistant(call('t', { a: 1 }))], [assistant(call('t', { a: 2 }))]],
    ['tool id', [assistant(call('t'))], [assistant(call('u'))]],
    ['result', [user(result('t', 'x'))], [user(result('t', 'y'))]],
    ['a failed result', [user(result('t', 'x', { is_error: true }))], [user(result('t', 'x'))]],
    [
      'image',
      [user({ type: 'image', source: { data: 'AAAA' } })],
      [user({ type: 'image', source: { data: 'AAAB' } })],
    ],
    [
      'a text that only mentions the tag',
      [user(said('what is <system-reminder>? one'))],
      [user(said('what is <system-reminder>? two'))],
    ],
    ['an unknown block', [user({ type: 'x', a: 1 })], [user({ type: 'x', a: 2 })]],
  ];
  test.each(different)('%s', (_name, a, b) => {
    expect(tip(...a)).not.toBe(tip(...b));
  });
});

test('a prefix of the history is a prefix of the chain', () => {
  const history = [user(said('a')), assistant(said('b'), call('t')), user(result('t', 'x')), user(said('c'))];
  const whole = linkChain(history).links;
  for (let n = 0; n <= history.length; n++) {
    const part = linkChain(history.slice(0, n)).links;
    expect(whole.slice(0, part.length)).toEqual(part);
  }
});

test('own links end at the first answer', () => {
  const own = (...messages: unknown[]): number => linkChain(messages).ownLinks;
  expect(own(user(said('a'), said('b')))).toBe(2);
  expect(own(user(said('a')), assistant(said('b')), user(said('c')))).toBe(1);
  expect(own(user(said('a')), assistant({ type: 'thinking', thinking: 't' }), user(said('c')))).toBe(2);
});

test("a request's chain with its response is the beginning of the next request's chain", () => {
  const request = [user(said('q'))];
  const response = {
    type: 'message',
    content: [{ type: 'thinking', thinking: 't', signature: 's' }, said('a'), call('t')],
  };
  const { tip: end, seenTools } = linkChain(request);
  const answered = extendChain(end, seenTools, response);
  const next = linkChain([...request, assistant(said('a'), call('t')), user(result('t', 'x'))]);
  expect(next.links[2]).toEqual(answered);
  expect(extendChain(end, seenTools, { content: [] })).toBeNull();
  expect(extendChain(end, seenTools, null)).toBeNull();
});

test('a thread goes on from the chain the server holds', () => {
  const first = linkChain([user(said('q')), assistant(said('a'))]);
  const next = linkChain([user(said('r'))], first);
  expect(next.tip).toEqual(linkChain([user(said('q')), assistant(said('a')), user(said('r'))]).tip);
  expect(next.ownLinks).toBe(0);
});

test('the system hash leaves the billing block out', () => {
  const billing = said('x-anthropic-billing-header: cc_version=2.1.113.d31; cch=13f86;');
  expect(systemHash([billing, said('s')])).toEqual(systemHash([said('s')]));
  expect(systemHash([said('s')])).not.toEqual(systemHash([said('t')]));
  for (const none of [[], [billing], [said('')]]) expect(systemHash(none)).toBeNull();
});

describe('stripReminders', () => {
  const cases: [string, string][] = [
    ['a<system-reminder>x</system-reminder>b', 'ab'],
    ['<system-reminder>x<system-reminder>y</system-reminder>z</system-reminder>', ''],
    ['<system-reminder>x<system-reminder>y</system-reminder>z', 'z'],
    ['a <system-reminder> b', 'a <system-reminder> b'],
    ['a </system-reminder> b', 'a </system-reminder> b'],
    ['<system-reminder>a</system-reminder>b<system-reminder>c', 'b<system-reminder>c'],
  ];
  test.each(cases)('%j', (text, left) => {
    expect(stripReminders(text)).toBe(left);
  });
});

test('any JSON: never throws, and reminders, marks and thinking anywhere change nothing', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), fc.array(fc.jsonValue(), { maxLength: 4 }), (any, content) => {
      linkChain(any);
      systemHash(content);
      extendChain(null, new Set(), any);
      const noise = { type: 'thinking', thinking: 'x' };
      expect(tip(user(...content, noise, said(reminder('y'))))).toBe(tip(user(...content)));
    }),
  );
  const deep = JSON.parse(`${'[{"a":'.repeat(3000)}1${'}]'.repeat(3000)}`) as unknown;
  expect(tip(user(deep))).not.toBeNull();
});
