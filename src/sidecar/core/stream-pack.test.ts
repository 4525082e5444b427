import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PACKED_VERSION, packResponse, type PackedResponse } from './stream-pack.ts';
import { unpackCuts, unpackResponse } from './stream-unpack.ts';

/** Packs, reads back, and says whether it had to be kept raw. */
function check(bytes: Buffer, cuts = [{ length: bytes.length, offsetMs: 12.3 }]): PackedResponse {
  const packed = packResponse(bytes, cuts);
  expect(packed.packed[0]).toBe(PACKED_VERSION);
  if (packed.content === null) expect(unpackCuts(packed.packed)).toEqual(cuts);
  else {
    const back = unpackResponse(packed.content, packed.packed);
    expect(back?.bytes.toString('latin1')).toBe(bytes.toString('latin1'));
    expect(back?.cuts).toEqual(cuts);
  }
  return packed;
}

const sse = (event: Record<string, unknown>): string =>
  `event: ${String(event['type'])}\ndata: ${JSON.stringify(event)}\n\n`;
const messageStart = (id = 'msg_01made0up0for0tests00000'): string =>
  sse({
    type: 'message_start',
    message: {
      id,
      type: 'message',
      role: 'assistant',
      model: 'claude-test-1',
      content: [],
      usage: { input_tokens: 9 },
    },
  });
const opened = (block: Record<string, unknown>, index = 0): string =>
  sse({ type: 'content_block_start', index, content_block: block });
const delta = (type: string, field: string, value: unknown, index = 0): string =>
  sse({ type: 'content_block_delta', index, delta: { type, [field]: value } });
const textDelta = (text: string, index = 0): string => delta('text_delta', 'text', text, index);
const inputDelta = (json: string, index = 0): string =>
  delta('input_json_delta', 'partial_json', json, index);
const stop = (index = 0): string => sse({ type: 'content_block_stop', index });
const messageStop = sse({ type: 'message_stop' });

const blocksOf = ({ content }: PackedResponse): string[] | null =>
  content === null ? null : content.blocks.map((block) => block.toString());

describe('a stream', () => {
  test('becomes its blocks, as clients send them back', () => {
    const stream = [
      messageStart(),
      opened({ type: 'thinking', thinking: '', signature: '' }),
      sse({ type: 'ping' }),
      delta('thinking_delta', 'thinking', 'Hm, '),
      delta('thinking_delta', 'thinking', 'yes.'),
      delta('signature_delta', 'signature', 'c2lnbmVk'),
      stop(),
      opened({ type: 'text', text: '' }, 1),
      textDelta('Let me "look"', 1),
      textDelta(' at \u{1f600}\n', 1),
      stop(1),
      opened({ type: 'tool_use', id: 'toolu_01look', name: 'Read', input: {} }, 2),
      inputDelta('', 2),
      inputDelta('{"file_', 2),
      inputDelta('path":"/x"}', 2),
      stop(2),
      opened({ type: 'redacted_thinking', data: 'c2VjcmV0' }, 3),
      stop(3),
      messageStop,
    ];
    expect(blocksOf(check(Buffer.from(stream.join(''))))).toEqual([
      '{"type":"thinking","thinking":"Hm, yes.","signature":"c2lnbmVk"}',
      '{"type":"text","text":"Let me \\"look\\" at \u{1f600}\\n"}',
      '{"type":"tool_use","id":"toolu_01look","name":"Read","input":{"file_path":"/x"}}',
      '{"type":"redacted_thinking","data":"c2VjcmV0"}',
    ]);
  });

  test('shares its shape with streams of the same sort, however long they are', () => {
    const answer = (id: string, texts: string[]): Buffer =>
      Buffer.from(
        [
          messageStart(id),
          opened({ type: 'text', text: '' }),
          ...texts.map((text) => textDelta(text)),
          stop(),
          messageStop,
        ].join(''),
      );
    const long = check(
      answer(
        'msg_01aaaaaaaaaaaaaaaaaaaa1',
        Array.from({ length: 300 }, (_, n) => `word ${String(n % 9)} `),
      ),
    );
    const short = check(answer('msg_01bbbbbbbbbbbbbbbbbbbb2', ['yes']));
    expect(long.content?.shape.equals(short.content!.shape)).toBe(true);
    expect(long.packed.length).toBeLessThan(120);
  });

  test.each<[string, string[]]>([
    ['a tool input with spaces', ['{"a": [1, 2], "b": {"c": "x, y: z"}}']],
    ['a tool input with its own escapes and numbers', ['{"a":"\\u0041\\/","n":1.0,', '"2":1e3,"1":0}']],
    ['a tool input cut off', ['{"a":"un', 'finis']],
    ['a tool input that is none', ['[1', ',2] and more']],
    ['a large odd tool input', [JSON.stringify({ text: 'x y z '.repeat(4000) }).replaceAll('x', '\\u0078')]],
  ])('with %s comes back', (_name, parts) => {
    const stream = [
      messageStart(),
      opened({ type: 'tool_use', id: 'toolu_01', name: 'Edit', input: {} }),
      ...parts.map((part) => inputDelta(part)),
    ];
    const { content, packed } = check(Buffer.from(stream.join('')));
    expect(content).not.toBeNull();
    // Content once: what an odd input has of its own is small.
    expect(content!.shape.length + packed.length).toBeLessThan(1200);
  });

  const plain = [
    messageStart(),
    opened({ type: 'text', text: '' }),
    textDelta('one'),
    textDelta(' two'),
    messageStop,
  ];
  test.each<[string, string]>([
    ['CRLF', plain.join('').replaceAll('\n', '\r\n')],
    ['comments and ids', plain.map((event, n) => `: note ${String(n)}\nid: ${String(n)}\n${event}`).join('')],
    [
      'spaces that pad',
      plain.map((event, n) => event.replace('}\n\n', `${' '.repeat(n * 5)}}\n\n`)).join(''),
    ],
    ['escaped text', plain.join('').replace('" two"', '"\\u0020two \\u00e9"')],
    ['all but ASCII escaped', plain.join('').replace('" two"', '" \\u00fc\\ud83d\\ude00"')],
    [
      'half a pair at the end of a delta',
      plain.join('').replace('"one"', '"\\ud83d"').replace('" two"', '"\\ude00"'),
    ],
    ['no space after data:', plain.join('').replaceAll('data: ', 'data:')],
    [
      'unknown events',
      `${sse({ type: 'news', at: '2026-11-22T14:28:24.887Z', n: [1, 2.5, -3] })}${plain.join('')}`,
    ],
    ['data that is no JSON', `data: hello\n\n${plain.join('')}data: {"type":\n\n`],
    [
      'an error event',
      plain.slice(0, 3).join('') +
        sse({ type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }),
    ],
    ['more empty lines', plain.join('\n\n\n')],
    [
      'two data lines',
      plain.join('').replace('data: {"type":"message_stop"', 'data: {"type":\ndata: "message_stop"'),
    ],
    ['a block that is started twice', plain.join('') + plain.join('')],
    ['deltas without a start', textDelta('a') + textDelta('b')],
    [
      'a delta of two fields',
      sse({ type: 'content_block_delta', index: 0, delta: { type: 'x', text: 'a', more: 'b' } }) +
        plain.join(''),
    ],
    ['a name in the text that looks like the field', plain.join('').replace('" two"', '"\\"text\\":\\"x"')],
  ])('with %s is packed', (_name, stream) => {
    expect(check(Buffer.from(stream)).content).not.toBeNull();
  });

  test.each<[string, Buffer]>([
    ['invalid UTF-8', Buffer.concat([Buffer.from(plain.join('')), Buffer.from([0xff, 0x0a, 0x0a])])],
    ['bytes that mark holes', Buffer.from(`: \x01\n\n${plain.join('')}`)],
    [
      'blocks that are not numbered in order',
      Buffer.from(plain.join('').replaceAll('"index":0', '"index":4')),
    ],
    [
      'events that are all unlike',
      Buffer.from(Array.from({ length: 999 }, (_, n) => `id: ${String(n)}\n${textDelta('x')}`).join('')),
    ],
    ['no events', Buffer.from('<html>')],
    ['nothing', Buffer.alloc(0)],
  ])('with %s is kept raw', (_name, bytes) => {
    expect(check(bytes).content).toBeNull();
  });

  test('cut off anywhere comes back', () => {
    const whole = Buffer.from(plain.join('').replace('one', '\u{1f600}é'));
    for (let length = 0; length <= whole.length; length++) {
      const { content } = check(whole.subarray(0, length));
      if (length >= messageStart().length) expect(content).not.toBeNull();
    }
  });

  test('keeps citations with their block', () => {
    const cite = (n: number) => ({
      type: 'char_location',
      cited_text: `text ${String(n)}`,
      document_index: n,
    });
    const stream = [
      messageStart(),
      opened({ type: 'text', text: '', citations: [] }),
      delta('citations_delta', 'citation', cite(1)),
      textDelta('said'),
      delta('citations_delta', 'citation', cite(2)),
      stop(),
      opened({ type: 'server_tool_use', id: 'srvtoolu_01', name: 'web_search', input: {} }, 1),
      inputDelta('{"query":"x"}', 1),
      stop(1),
      opened(
        { type: 'web_search_tool_result', tool_use_id: 'srvtoolu_01', content: [{ url: 'https://x', n: 1 }] },
        2,
      ),
      stop(2),
    ];
    const packed = check(Buffer.from(stream.join('')));
    expect(blocksOf(packed)![0]).toBe(
      JSON.stringify({ type: 'text', text: 'said', citations: [cite(1), cite(2)] }),
    );
    // What is in the blocks is not in the shape.
    expect(packed.content!.shape.toString()).not.toMatch(/cited_text|https/);
  });

  test('of any kind, cut anywhere, comes back with its chunks', () => {
    const piece = fc.oneof(
      fc.string({ maxLength: 12 }),
      fc.string({ unit: 'grapheme', maxLength: 6 }),
      fc.constantFrom(' a word', 'x".\n', '\\', '{"a": 1', '\ud83d', '\ude00', '', 'é', '\u2028'),
    );
    const index = fc.nat(3);
    const event = fc.oneof(
      { weight: 6, arbitrary: fc.tuple(piece, index).map(([text, at]) => textDelta(text, at)) },
      { weight: 4, arbitrary: fc.tuple(piece, index).map(([text, at]) => inputDelta(text, at)) },
      fc.tuple(piece, index).map(([text, at]) => delta('thinking_delta', 'thinking', text, at)),
      fc.tuple(piece, index).map(([text, at]) => delta('signature_delta', 'signature', text, at)),
      fc.tuple(fc.jsonValue(), index).map(([value, at]) => delta('odd_delta', 'value', value, at)),
      index.map((at) => opened({ type: 'text', text: '' }, at)),
      fc.tuple(piece, index).map(([id, at]) => opened({ type: 'tool_use', id, name: 'Bash', input: {} }, at)),
      index.map((at) => stop(at)),
      fc.constantFrom(messageStart(), messageStop, sse({ type: 'ping' }), ': still here\n\n', '\n'),
      fc.jsonValue().map((value) => sse({ type: 'unknown', value })),
      fc.string().map((text) => `data: ${text}\n\n`),
    );
    const padded = fc
      .tuple(event, fc.nat(20))
      .map(([text, spaces]) => text.replace(/\}\n\n$/, `${' '.repeat(spaces)}}\n\n`));
    const stream = fc.tuple(fc.array(padded, { maxLength: 40 }), fc.boolean(), fc.boolean(), fc.nat(40));
    const chunks = fc.array(fc.tuple(fc.nat(200), fc.nat(999)), { maxLength: 20 });
    fc.assert(
      fc.property(stream, chunks, ([events, ordered, crlf, missing], sizes) => {
        // In half of the streams the blocks are started in order, as they are in every real one.
        const starts = ordered ? [0, 1, 2, 3].map((at) => opened({ type: 'text', text: '' }, at)) : [];
        let text = [...starts, ...events].join('');
        if (crlf) text = text.replaceAll('\n', '\r\n');
        const whole = Buffer.from(text);
        const bytes = whole.subarray(0, Math.max(0, whole.length - missing));
        let left = bytes.length;
        let offsetMs = 0;
        const cuts = sizes.map(([size, gap]) => {
          const length = Math.min(left, size);
          left -= length;
          return { length, offsetMs: (offsetMs += gap) / 10 };
        });
        check(bytes, [...cuts, { length: left, offsetMs: offsetMs / 10 }]);
      }),
      { numRuns: 400 },
    );
  });

  test('damaged in the store is nothing, and never an exception', () => {
    const { content, packed } = check(Buffer.from([...plain.slice(0, 2), ...plain.slice(2)].join('')));
    fc.assert(
      fc.property(fc.nat(packed.length - 1), fc.nat(255), (at, byte) => {
        const damaged = Buffer.from(packed);
        damaged[at] = byte;
        unpackResponse(content!, damaged);
      }),
    );
  });
});

describe('a JSON body', () => {
  test.each<[string, string, string[] | null]>([
    [
      'a message',
      '{"id":"msg_01","type":"message","content":[{"type":"text","text":"a"},{"x":1.0}],"usage":{"n":3}}',
      ['{"type":"text","text":"a"}', '{"x":1.0}'],
    ],
    ['an empty message', '{"content":[]}', []],
    [
      'an error',
      '{"type":"error","error":{"type":"x","message":"y"},"request_id":"req_011CSHoEeqs5C35K2UUqR7Fy"}',
      [],
    ],
    ['a count', '{"input_tokens":4711}', []],
    ['spaces around', ' {"input_tokens": 4711}\n', []],
    ['spaces between blocks', '{"content":[ {"a":1} ]}', null],
    ['two contents', '{"content":[{"a":1}],"content":[]}', null],
    ['half a message', '{"type":"message","content":[{"type":"te', null],
    [
      'a long list',
      `{"data":[${Array.from({ length: 400 }, (_, n) => `{"n":"model ${String(n)}"}`).join()}]}`,
      null,
    ],
  ])('%s', (_name, body, blocks) => {
    expect(blocksOf(check(Buffer.from(body)))).toEqual(blocks);
  });

  test('any JSON comes back', () => {
    fc.assert(
      fc.property(fc.json(), fc.array(fc.json()), (other, blocks) => {
        check(Buffer.from(other));
        check(Buffer.from(`{"id":7,"content":[${blocks.join()}],"other":${other}}`));
      }),
    );
  });
});
