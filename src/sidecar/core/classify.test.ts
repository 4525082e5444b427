import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readRequest } from './read-request.ts';

const CLI: [string, string] = ['User-Agent', 'claude-cli/2.1.330 (external, cli)'];
const text = (words: string): unknown[] => [{ role: 'user', content: [{ type: 'text', text: words }] }];
const reminded = (words: string): unknown[] => [
  {
    role: 'user',
    content: [
      { type: 'text', text: '<system-reminder>x</system-reminder>' },
      { type: 'text', text: words },
    ],
  },
];
const body = (system: string, messages: unknown[], more = {}): unknown => ({
  model: 'm',
  max_tokens: 9,
  system,
  messages,
  ...more,
});
const kind = (method: string, path: string, headers: [string, string][], body: unknown): string =>
  readRequest({ method, path, headers, body }).requestType;
const check = (
  json: unknown,
  expected: string,
  headers: [string, string][] = [CLI],
  path = '/v1/messages?beta=true',
): void => {
  expect(kind('POST', path, headers, json)).toBe(expected);
};

const MAIN =
  'You are Claude Code.\nYou are an interactive CLI tool that helps users.\n<env>\nWorking directory: /p\n</env>';

describe('classify', () => {
  const sides: [string, unknown][] = [
    [
      'topic',
      body('Analyze if this message indicates a new conversation topic.', [
        ...text('hi'),
        { role: 'assistant', content: '{' },
      ]),
    ],
    [
      'title',
      body('Generate a concise, sentence-case title (3-7 words)', text('hi'), {
        output_config: { format: { type: 'json_schema' } },
      }),
    ],
    [
      'bash prefix',
      body('You are Claude Code', text('<policy_spec>\n# Claude Code Code Bash command prefix detection')),
    ],
    [
      'output paths',
      body('Extract any file paths that this command reads or modifies.', text('Command: ls\nOutput: a\n\n')),
    ],
    ['git history', body('You are an expert at analyzing git history.', text('Files modified by user:\n\n'))],
    ['warm-up', body(`You are Claude Code.\n${MAIN}`, reminded('Warmup'), { tools: [] })],
    ['any other without tools', body('You name branches.', text('hi'))],
  ];
  test.each(sides)('side call: %s', (_name, json) => check(json, 'query_evaluation'));

  test('an auxiliary call by its hint header', () => {
    check(body(MAIN, text('hi'), { tools: [{}] }), 'query_evaluation', [
      CLI,
      ['X-Claude-Code-Request-Class', 'auxiliary'],
    ]);
  });

  const turns: [string, unknown, [string, string][]][] = [
    ['main with tools', body(MAIN, text('hi'), { tools: [{ name: 'Read' }] }), [CLI]],
    ['main without tools', body(MAIN, text('hi')), [CLI]],
    [
      'a later turn without tools',
      body('x', [...text('a'), { role: 'assistant', content: 'b' }, ...text('c')]),
      [CLI],
    ],
    [
      'environment in a system message',
      body('x', [...text('a'), { role: 'system', content: '# Environment' }]),
      [CLI],
    ],
    ['a sub-agent without tools', body('x', text('go')), [CLI, ['x-claude-code-agent-id', 'a1']]],
    [
      'a summary without tools',
      body('x', text('Your task is to create a detailed summary of the conversation so far')),
      [CLI],
    ],
    ['a plain program without tools', body('Be brief.', text('hi')), [['user-agent', 'Anthropic/JS 1.12.0']]],
    ['a program that says Warmup', body('', text('Warmup')), []],
    ['quota as a longer talk', body('', [...text('quota'), ...text('x')], { max_tokens: 1 }), []],
  ];
  test.each(turns)('inference: %s', (_name, json, headers) => check(json, 'inference', headers));

  test('quota probe', () => {
    check(body('', [{ role: 'user', content: 'quota' }], { max_tokens: 1 }), 'quota');
    check(body('', [{ role: 'user', content: 'quota' }], { max_tokens: 2 }), 'inference', []);
  });

  test('paths and methods', () => {
    check(body(MAIN, text('hi')), 'count_tokens', [CLI], '/v1/messages/count_tokens?beta=true');
    check(body(MAIN, text('hi')), 'inference', [], '/base/v1/messages');
    for (const path of ['/v1/models', '/v1/messages/batches', '/api/hello', '/', '']) {
      check({}, 'other', [CLI], path);
    }
    expect(kind('GET', '/v1/messages', [], undefined)).toBe('other');
    check(undefined, 'other');
  });

  test('any JSON has a kind', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string(), (json, path) => {
        kind('POST', path, [CLI], json);
        return kind('POST', '/v1/messages', [CLI], json) !== 'count_tokens';
      }),
    );
  });
});
