import { expect, test } from 'vitest';
import { messagesFacts } from './message-facts.ts';
import { answerPreviewOf, previewOf } from './preview.ts';

const call = (name: string, input: unknown) => ({ type: 'tool_use', id: `toolu_${name}`, name, input });
const said = (text: string) => ({ type: 'text', text });

test.each<[unknown[], string]>([
  [[said('On it.'), call('Read', { file_path: '/srv/app/upload.test.ts' })], 'Read upload.test.ts'],
  [[call('Agent', { prompt: 'a' }), call('Agent', { prompt: 'b' })], 'Agent ×2'],
  [[call('Agent', { description: 'Find callers', prompt: 'a' })], 'Agent Find callers'],
  [
    [call('Bash', { command: 'npm  test\n-- upload' }), call('Edit', { path: 'C:\\src\\a.ts' })],
    'Bash npm test -- upload, Edit a.ts',
  ],
  [[{ type: 'thinking', thinking: 'hm' }, said('Done:\n all green')], 'Done: all green'],
  [
    [{ type: 'server_tool_use', name: 'web_search', input: { query: 'node streams' } }],
    'web_search node streams',
  ],
  [[said('- `src/a.ts:2` **drains** the stream')], 'src/a.ts:2 drains the stream'],
  [[said('## Findings\nTwo.')], 'Findings Two.'],
  [[call('Odd', 3)], 'Odd'],
  [[{ type: 'thinking', thinking: 'hm' }], ''],
])('an answer is shown by what it did: %j', (content, expected) => {
  expect(answerPreviewOf({ type: 'message', role: 'assistant', content })).toBe(expected);
});

test.each<[unknown[], { text: string; asked: boolean }]>([
  [[{ role: 'user', content: 'Fix it' }], { text: 'Fix it', asked: true }],
  [
    [
      { role: 'user', content: 'Fix it' },
      { role: 'assistant', content: [call('Read', {})] },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_Read', content: 'x' }] },
    ],
    { text: 'Read', asked: false },
  ],
  [[], { text: '', asked: false }],
])('a request says whether a user asked: %j', (messages, expected) => {
  expect(previewOf(messagesFacts(messages))).toEqual(expected);
});
