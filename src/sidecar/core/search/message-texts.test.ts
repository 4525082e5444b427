import { expect, it } from 'vitest';
import { termsOf, textsOfItems, textsOfMessages } from './message-texts.ts';

const shown = (messages: unknown[]): string[] =>
  textsOfMessages(messages).map(({ role, kind, text }) => `${role} ${kind}: ${text}`);

it('reads what was said and done, and nothing else', () => {
  const messages = [
    { role: 'user', content: 'as a string' },
    {
      role: 'user',
      content: [
        { type: 'text', text: '<system-reminder>hidden</system-reminder>' },
        { type: 'text', text: 'seen <system-reminder>hidden</system-reminder>' },
        { type: 'image', source: { type: 'base64', data: 'aGlkZGVu' } },
        { type: 'document', source: { type: 'text', data: 'a document' } },
        {
          type: 'tool_result',
          tool_use_id: 'hidden',
          content: [
            { type: 'text', text: 'one' },
            { type: 'text', text: 'two' },
          ],
        },
        { type: 'tool_result', tool_use_id: 'hidden', content: 'three' },
        { type: 'tool_result', tool_use_id: 'hidden' },
      ],
    },
    {
      role: 'assistant',
      content: [
        { type: 'thinking', thinking: 'hm', signature: 'hidden' },
        { type: 'redacted_thinking', data: 'hidden' },
        {
          type: 'tool_use',
          id: 'hidden',
          name: 'Edit',
          input: { path: 'a.ts', edits: [{ old: 'x', n: 1 }] },
        },
        { type: 'server_tool_use', name: 'web_search', input: { query: 'q' } },
        null,
        'no block',
      ],
    },
    { role: 'system', content: 'The user sent a new message while you were working:\nand this' },
    { role: 'system', content: 'hidden' },
    null,
  ];
  expect(shown(messages)).toEqual([
    'user text: as a string',
    'user text: seen',
    'user text: a document',
    'user tool_result: one\ntwo',
    'user tool_result: three',
    'assistant thinking: hm',
    'assistant tool_use: Edit\na.ts\nx',
    'assistant tool_use: web_search\nq',
    'system text: and this',
  ]);
});

it('reads items of a chain, each in the message that is open', () => {
  const block = (text: string): Buffer => Buffer.from(JSON.stringify({ type: 'text', text }));
  const items = [
    { shell: null, block: block('goes on') },
    { shell: Buffer.from('{"role":"assistant","content":\0}'), block: block('answers') },
    { shell: null, block: block('more') },
    { shell: Buffer.from('{"role":"user","content":[]}'), block: Buffer.alloc(0) },
    { shell: Buffer.from('no JSON'), block: Buffer.from('no JSON') },
  ];
  expect(textsOfItems(items, 'user').map(({ role, text }) => `${role}: ${text}`)).toEqual([
    'user: goes on',
    'assistant: answers',
    'assistant: more',
  ]);
});

it('reads a bounded part of what is huge', () => {
  const huge = 'word '.repeat(300_000);
  const texts = textsOfMessages([
    { role: 'user', content: huge },
    { role: 'user', content: 'late' },
  ]);
  expect(texts).toHaveLength(1);
  expect(texts[0]!.text.length).toBeLessThan(huge.length);
  let deep: unknown = 'deep';
  for (let n = 0; n < 5000; n++) deep = [deep];
  expect(shown([{ role: 'assistant', content: [{ type: 'tool_use', name: 'T', input: deep }] }])).toEqual([
    'assistant tool_use: T',
  ]);
});

it('leaves the numbers of lines out of the index', () => {
  const terms = (kind: 'tool_result' | 'text') => [
    ...termsOf([{ role: 'user', kind, text: '  12→x\n13\ty 14' }]),
  ];
  expect(terms('tool_result')).toEqual(['x', 'y', '14']);
  expect(terms('text')).toEqual(['12', 'x', '13', 'y', '14']);
});
