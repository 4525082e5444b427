import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createAssembler } from './assemble.ts';
import { redactString } from './redact-body.ts';
import { editBytes, type BodyPolicy } from './redact-edits.ts';
import { redactStream } from './redact-stream.ts';

const token = 'the-sidecars-made-up-token';
const all: BodyPolicy = { mode: 'all', ownSecrets: [token] };
const own: BodyPolicy = { mode: 'own', ownSecrets: [token] };
const key = `sk-ant-api03-madeup_1234567890`;

const event = (type: string, data: object): string =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;

/** A stream of one block whose string arrives in these pieces. */
function streamOf(delta: 'text_delta' | 'thinking_delta' | 'input_json_delta', pieces: string[]): Buffer {
  const [name, block] = {
    text_delta: ['text', { type: 'text', text: '' }],
    thinking_delta: ['thinking', { type: 'thinking', thinking: '', signature: '' }],
    input_json_delta: ['partial_json', { type: 'tool_use', id: 'toolu_1', name: 'Bash', input: {} }],
  }[delta] as [string, object];
  const events = [
    event('message_start', {
      message: { id: 'msg_1', type: 'message', role: 'assistant', content: [], model: 'm' },
    }),
    event('content_block_start', { index: 0, content_block: block }),
    ...pieces.map((piece) =>
      event('content_block_delta', { index: 0, delta: { type: delta, [name]: piece } }),
    ),
    event('content_block_stop', { index: 0 }),
    event('message_stop', {}),
  ];
  return Buffer.from(events.join(''));
}

function blockOf(stream: Buffer): Record<string, unknown> {
  const assembler = createAssembler('text/event-stream');
  assembler.push(stream, 0);
  const facts = assembler.end();
  expect(facts.complete).toBe(true);
  return (facts.message as { content: Record<string, unknown>[] }).content[0]!;
}

/** The pieces as the masked stream has them. */
function piecesOf(stream: Buffer): string[] {
  return stream
    .toString()
    .split('\n')
    .filter((line) => line.includes('content_block_delta') && line.startsWith('data:'))
    .map((line) => Object.values((JSON.parse(line.slice(5)) as { delta: Record<string, string> }).delta)[1]!);
}

describe('a secret over several deltas', () => {
  it.each([
    [
      'text_delta',
      ['use sk-an', 't-api03-', 'madeup_1234567890', ' now'],
      ['use sk-an', 't-****', '', ' now'],
      '.text',
    ],
    ['text_delta', ['Bea', 'rer ', 'made-', 'up-token-1 ok'], ['Bea', 'rer ', '****', ' ok'], '.text'],
    ['thinking_delta', ['é sk-ant-api03', '-madeup_1 é'], ['é sk-ant-****', ' é'], '.thinking'],
    ['text_delta', [`a ${key} b`, ' c'], ['a sk-ant-**** b', ' c'], '.text'],
  ] as const)('%s %j', (delta, pieces, expected, path) => {
    const result = redactStream(streamOf(delta, [...pieces]), all, 'responseBody');
    expect(piecesOf(result.body)).toEqual(expected);
    expect(result.redactions).toHaveLength(1);
    expect(result.redactions[0]?.path).toBe(`responseBody.content[0]${path}`);
    expect(result.body.equals(streamOf(delta, [...expected]))).toBe(true);
  });

  it('of an input stays JSON', () => {
    const input = {
      command: `curl -H "Authorization: Bearer ${key}"`,
      pem: `-----BEGIN PRIVATE KEY-----`,
      z: '@',
    };
    const json = JSON.stringify(input);
    for (const size of [1, 3, 7, 1000]) {
      const pieces = json.match(new RegExp(`[^]{1,${String(size)}}`, 'g')) ?? [];
      const result = redactStream(streamOf('input_json_delta', pieces), all, 'responseBody');
      expect(blockOf(result.body)['input']).toEqual({
        ...input,
        command: 'curl -H "Authorization: Bearer ****"',
      });
      expect(result.redactions).toEqual([{ path: 'responseBody.content[0].input', kind: 'bearer' }]);
    }
  });

  it('that is one of the own keys keeps every length', () => {
    const stream = streamOf('text_delta', [
      `x ${token.slice(0, 9)}`,
      token.slice(9, 10),
      `${token.slice(10)} y`,
    ]);
    const result = redactStream(stream, own, 'responseBody');
    expect(result.body).toHaveLength(stream.length);
    expect(blockOf(result.body)['text']).toBe(`x ${'*'.repeat(token.length)} y`);
  });
});

describe('a stream', () => {
  it('loses secrets outside of deltas too', () => {
    const said = event('error', { error: { type: 'api_error', message: `bad key ${key}` } });
    const result = redactStream(Buffer.from(`: ${key}\n\n${said}`), all, 'responseBody');
    expect(result.body.toString()).toBe(`: sk-ant-****\n\n${said.replace(key, 'sk-ant-****')}`);
    expect(result.redactions).toEqual([{ path: 'responseBody', kind: 'anthropic-key' }]);
  });

  it('is itself without a secret, and with the policy that masks nothing', () => {
    const clean = streamOf('text_delta', ['nothing', ' here']);
    expect(redactStream(clean, all, '').body).toBe(clean);
    const stream = streamOf('text_delta', [key, token]);
    expect(redactStream(stream, { mode: 'none', ownSecrets: [token] }, '').body).toBe(stream);
  });

  it('does not mix blocks, and knows one that is started anew', () => {
    const delta = (index: number, text: string): string =>
      event('content_block_delta', { index, delta: { type: 'text_delta', text } });
    const start = event('content_block_start', { index: 0, content_block: { type: 'text', text: '' } });
    const stream = Buffer.from(
      delta(0, 'sk-ant-') + delta(1, 'api03-madeup-1') + start + delta(0, 'api03-madeup-2') + delta(1, 'x'),
    );
    expect(redactStream(stream, all, '').body).toBe(stream);
  });

  it('is seen through an escaped character', () => {
    const stream = streamOf('text_delta', ['see a://\ud83d', '\ude00me:pa55@host']);
    expect(stream.includes('\\ud83d')).toBe(true);
    expect(blockOf(redactStream(stream, all, '').body)['text']).toBe('see a://😀me:****@host');
  });

  it('broken anywhere is no problem', () => {
    const whole = streamOf('input_json_delta', ['{"a":"sk-ant-', 'api03-madeup', '"}']);
    for (let at = 0; at <= whole.length; at++) redactStream(whole.subarray(0, at), all, '');
  });
});

describe('any text in any pieces', () => {
  const words = fc.constantFrom(
    key,
    token,
    'Bearer ',
    'me:pa55@',
    'a://',
    '"',
    '\\',
    '\n',
    'é',
    '😀',
    'word ',
    'xoxb-',
  );
  const text = fc
    .array(fc.oneof(words, fc.string({ maxLength: 3 })), { maxLength: 10 })
    .map((list) => list.join(''));

  it.each(['text_delta', 'thinking_delta', 'input_json_delta'] as const)(
    '%s: put together it is what a request shows',
    (kind) => {
      fc.assert(
        fc.property(text, fc.array(fc.nat(40), { maxLength: 8 }), (value, lengths) => {
          const whole = kind === 'input_json_delta' ? JSON.stringify({ command: value, then: 'x@y' }) : value;
          const pieces: string[] = [];
          let at = 0;
          for (const length of lengths) pieces.push(whole.slice(at, (at += length)));
          pieces.push(whole.slice(at));
          const stream = streamOf(kind, pieces);
          const result = redactStream(stream, all, '');
          const block = blockOf(result.body);
          const masked = redactString(value, all);
          if (kind === 'input_json_delta') expect(block['input']).toEqual({ command: masked, then: 'x@y' });
          else expect(block[kind === 'text_delta' ? 'text' : 'thinking']).toBe(masked);
          expect(result.body.equals(editBytes(stream, result.edits))).toBe(true);
        }),
        { numRuns: 500 },
      );
    },
  );
});
