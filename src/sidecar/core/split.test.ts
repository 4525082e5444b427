import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { joinBody, rebuilds } from './join.ts';
import { splitBody, type Split } from './split.ts';

const split = (body: unknown): Split => {
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  const found = splitBody(bytes);
  if (found === null) throw new Error(`no split of ${bytes.toString()}`);
  expect(joinBody(found).toString()).toBe(bytes.toString());
  return found;
};
const texts = (items: { shell: Buffer | null; block: Buffer }[]): [string | null, string][] =>
  items.map(({ shell, block }) => [shell?.toString().replace('\0', '□') ?? null, block.toString()]);

const MARK = { type: 'ephemeral' };
const user = (...content: unknown[]): unknown => ({ role: 'user', content });
const said = (text: string, more = {}): unknown => ({ type: 'text', text, ...more });

describe('splitBody', () => {
  test('holes for messages, system and tools; everything else stays in the template', () => {
    const found = split({
      model: 'm',
      messages: [user(said('hi'))],
      max_tokens: 1.5e3,
      system: 's',
      tools: [{ name: 't' }],
    });
    expect(found.template.toString('latin1')).toBe(
      '{"model":"m","messages":\x01,"max_tokens":1500,"system":\x02,"tools":\x03}',
    );
    expect(texts(found.messages)).toEqual([['{"role":"user","content":□}', '{"type":"text","text":"hi"}']]);
    expect(texts(found.system)).toEqual([[null, '{"type":"text","text":"s"}']]);
    expect(texts(found.tools)).toEqual([[null, '{"name":"t"}']]);
  });

  const cases: [string, unknown][] = [
    ['no messages', { model: 'm' }],
    ['empty lists', { messages: [], system: [], tools: [] }],
    ['empty content', { messages: [user(), { role: 'user', content: '' }] }],
    ['no content', { messages: [{ role: 'user' }, {}, { role: 'x', content: null }, { content: 3 }] }],
    ['content of an odd kind', { messages: [{ role: 'user', content: { type: 'text' } }] }],
    ['blocks that are no objects', { messages: [user('a', 1, null, [said('b')])] }],
    ['odd system and tools', { system: { a: 1 }, tools: 'x', messages: [] }],
    ['null system', { system: null, tools: null, messages: [user('x')] }],
    [
      'mark first, last, alone, in the middle',
      {
        messages: [
          user(
            { cache_control: MARK, type: 'text', text: 'a' },
            said('b', { cache_control: MARK }),
            { cache_control: MARK },
            { type: 'text', cache_control: MARK, text: 'c' },
          ),
        ],
        tools: [{ name: 'a', cache_control: { type: 'ephemeral', ttl: '1h' } }],
        system: [said('s', { cache_control: MARK })],
      },
    ],
    [
      'nested marks stay',
      { messages: [user({ type: 'tool_result', content: [said('x', { cache_control: MARK })] })] },
    ],
    ['members after the content', { messages: [{ content: [said('x')], role: 'user', id: 7 }] }],
    [
      'pretty-printed',
      JSON.stringify(
        { messages: [user(said('a'), said('b')), user(said('c'))], system: [said('s')] },
        null,
        2,
      ),
    ],
    [
      'spaced as Python does',
      '{"model": "m", "messages": [{"role": "user", "content": [{"type": "text", "text": "a", "cache_control": {}}, {"type": "text"}]}]}',
    ],
    ['white space around', ' \n{"messages": []}\r\n'],
    ['numbers as written', '{"a":1.0,"b":1e5,"messages":[{"role":"user","content":"x","n":-0.0}]}'],
    ['escapes and lone surrogates', '{"messages":[{"role":"user","content":"a\\ud800\\u0041\\"}]"}]}'],
    [
      'duplicate keys inside a block',
      '{"messages":[{"content":[{"a":1,"a":2,"cache_control":1,"cache_control":2}]}]}',
    ],
    ['unicode', { messages: [user(said('žluťoučký 🐎')), { role: 'user', content: '🐎' }] }],
  ];
  test.each(cases)('round trip: %s', (_name, body) => {
    split(body);
  });

  const refused = [
    '',
    'x',
    '[]',
    'null',
    '"messages"',
    '{',
    '{"messages":[}',
    '{"messages":[1]}',
    '{"messages":"x"}',
    '{"messages":[] x',
    '{"messages":[],"messages":[]}',
    '{"messages":[{"content":[],"content":[]}]}',
    '{"m\\u0065ssages":[]}',
    '{"messages":[{"c\\u006fntent":[]}]}',
    '{"a":"\x01","messages":[]}',
    '{"a":"\\\x01","messages":[]}',
    '\uFEFF{}',
    '{"messages":[ ]}',
    '{"messages":[{"content":[1, 2,3]}]}',
    '{"a":]}',
    '{"a":1,}',
    '{"a" 1}',
  ];
  test.each(refused)('stored raw: %j', (body) => {
    expect(splitBody(Buffer.from(body))).toBeNull();
  });

  test('bytes that are not UTF-8 come back', () => {
    const body = Buffer.concat([
      Buffer.from('{"messages":[{"content":"'),
      Buffer.from([0xff, 0xc3, 0x28]),
      Buffer.from('"}]}'),
    ]);
    const found = splitBody(body);
    expect(found === null ? null : joinBody(found)).toEqual(body);
  });

  test('a mark that moves, and content that flips between string and array, give the same items', () => {
    const first = split({ system: 's', messages: [user(said('one', { cache_control: MARK }))] });
    const later = split({
      system: [said('s', { cache_control: MARK })],
      messages: [{ role: 'user', content: 'one' }, user(said('two', { cache_control: MARK }))],
    });
    expect(texts(later.messages.slice(0, 1))).toEqual(texts(first.messages));
    expect(texts(later.system)).toEqual(texts(first.system));
  });

  test('the overlay of a growing history stays the same', () => {
    const turn = (n: number): unknown => ({
      messages: [
        ...Array.from({ length: n }, (_, k) => [
          { role: 'user', content: `q${String(k)}` },
          { role: 'assistant', content: [said('a')] },
        ]).flat(),
        user(said('now', { cache_control: MARK })),
      ],
    });
    const overlays = [1, 2, 9].map((n) => split(turn(n)).overlay?.toString());
    expect(new Set(overlays).size).toBe(1);
  });

  test('no notes, no overlay', () => {
    expect(split({ messages: [user(said('a'))] }).overlay).toBeNull();
  });
});

describe('any input', () => {
  const name = fc.constantFrom(
    'messages',
    'system',
    'tools',
    'content',
    'cache_control',
    'text',
    'type',
    'role',
    '\\',
    'a',
  );
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 6, depthSize: 'small' },
      fc.string({ unit: 'binary' }),
      fc.double({ noNaN: true }),
      fc.constantFrom(null, true, 'text', 'user', []),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(name, tie('value'), { maxKeys: 5 }),
    ),
  }));
  const block = fc.oneof(
    fc.record(
      { type: fc.constant('text'), text: fc.string(), cache_control: value },
      { requiredKeys: ['type', 'text'] },
    ),
    value,
  );
  const message = fc.record(
    {
      role: fc.constantFrom('user', 'assistant', 'system'),
      content: fc.oneof(fc.string(), fc.array(block, { maxLength: 4 })),
    },
    { requiredKeys: [] },
  );
  const body = fc.record(
    {
      model: value,
      messages: fc.array(message, { maxLength: 6 }),
      system: fc.oneof(fc.string(), fc.array(block)),
      tools: fc.array(block),
    },
    { requiredKeys: ['messages'] },
  );

  test('bodies of the usual shape are split and give themselves back', () => {
    fc.assert(
      fc.property(body, fc.constantFrom(undefined, 1, 2, '\t'), (json, indent) => {
        const bytes = Buffer.from(JSON.stringify(json, null, indent));
        const found = splitBody(bytes);
        // Pretty-printing indents arrays by depth: blocks that hold lists are still whole, so only spacing may refuse.
        if (found === null) return indent !== undefined;
        return joinBody(found).equals(bytes) && rebuilds(found, bytes);
      }),
      { numRuns: 300 },
    );
  });

  test('any JSON and any bytes give themselves back, or null', () => {
    const bytes = fc.oneof(
      value.map((json) => Buffer.from(JSON.stringify(json))),
      fc.uint8Array({ maxLength: 60 }).map((list) => Buffer.from(list)),
      fc
        .string({ unit: fc.constantFrom(...Array.from('{}[]",:\\ \n1amessages')), maxLength: 60 })
        .map((text) => Buffer.from(text)),
      fc.tuple(body, fc.nat(), fc.nat(255)).map(([json, at, byte]) => {
        const out = Buffer.from(JSON.stringify(json));
        out[at % out.length] = byte;
        return out;
      }),
    );
    fc.assert(
      fc.property(bytes, (input) => {
        const found = splitBody(input);
        return found === null || joinBody(found).equals(input);
      }),
      { numRuns: 500 },
    );
  });

  test('very deep nesting does not overflow', () => {
    const deep = `{"messages":[{"content":[{"x":${'['.repeat(200_000)}${']'.repeat(200_000)}}]}]}`;
    expect(splitBody(Buffer.from(deep))?.messages).toHaveLength(1);
  });
});
