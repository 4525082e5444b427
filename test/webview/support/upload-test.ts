import {
  scriptConversation,
  type Content,
  type Scripted,
  type ScriptedTurn,
} from './scripted-conversation.ts';

const REMINDER =
  '<system-reminder>\nAs you answer the user’s questions, you can use the following context:\n# claudeMd\nRun the tests with `npm test`.\n<system-reminder>a quoted one</system-reminder>\n</system-reminder>';

const text = (value: string): Record<string, unknown> => ({ type: 'text', text: value });
const think = (value: string): Record<string, unknown> => ({
  type: 'thinking',
  thinking: value,
  signature: 'c2lnbmVk',
});
const use = (toolId: string, name: string, input: unknown): Record<string, unknown> => ({
  type: 'tool_use',
  id: toolId,
  name,
  input,
});
const result = (toolId: string, content: Content, isError = false): Record<string, unknown> => ({
  type: 'tool_result',
  tool_use_id: toolId,
  content,
  is_error: isError,
});
const user = (content: Content): { role: 'user'; content: Content } => ({ role: 'user', content });

const UPLOAD_TEST = Array.from({ length: 24 }, (_value, line) => {
  const code = [
    "import { describe, expect, it } from 'vitest';",
    "import { upload } from './upload.ts';",
    '',
    "describe('upload', () => {",
    "  it('retries once', async () => {",
    '    const server = await flaky(1);',
    '    await upload(server.url);',
  ];
  return `${String(line + 1).padStart(5)}→${code[line] ?? `    expect(server.requests[${line}]).toBeDefined();`}`;
}).join('\n');

const OUTPUT =
  '\u001b[31m FAIL \u001b[0m src/upload.test.ts > upload > retries once\nAssertionError: expected 503 to be 200\n    at src/upload.test.ts:9:30\n\n Test Files  1 failed (1)\n      Tests  1 failed | 11 passed (12)';

const OLD =
  'export async function upload(url: string): Promise<Response> {\n  try {\n    return await send(url);\n  } catch {\n    return await send(url);\n  }\n}';
const NEW =
  "export async function upload(url: string): Promise<Response> {\n  try {\n    return await send(url);\n  } catch (error) {\n    log.warn({ error, url }, 'upload failed, trying once more');\n    await pause(250);\n    return await send(url);\n  }\n}";

/** The conversation of the pictures: branches, two parallel sub-tasks, a compaction, retries, an error, one running. */
const TURNS: ScriptedTurn[] = [
  {
    name: 'ask',
    preview: 'fix the flaky upload test, the retry hides the real error',
    says: [
      user([
        text(REMINDER),
        text(
          'Fix the flaky upload test: the retry hides the real error.\n\nIt fails about **one time in ten** on CI, see `src/upload.test.ts`.',
        ),
      ]),
    ],
    reply: [
      think('The retry may swallow the first error. I should read the test before the code.'),
      text('I’ll look at the test and the request log first.'),
      use('toolu_read', 'Read', { file_path: '/home/dev/upload-service/src/upload.test.ts' }),
      use('toolu_grep', 'Grep', { pattern: 'retries', glob: '*.ts' }),
    ],
  },
  {
    name: 'read',
    parent: 'ask',
    preview: 'Read, Grep',
    says: [
      user([
        result('toolu_read', UPLOAD_TEST),
        result(
          'toolu_grep',
          "src/upload.ts:14:  // retries once\nsrc/upload.test.ts:5:  it('retries once', async () => {",
        ),
      ]),
    ],
    reply: [
      text(
        'Two things to find out, independent of each other: who else calls `upload`, and what the server logs when it answers 503.',
      ),
      use('toolu_a', 'Agent', {
        description: 'Find callers of upload',
        prompt: 'Find every caller of `upload` in src/ and say which of them rely on the retry.',
        subagent_type: 'Explore',
      }),
      use('toolu_b', 'Agent', {
        description: 'Read the server log',
        prompt: 'Read logs/upload.log and list all 503 answers with their time and cause.',
        subagent_type: 'general-purpose',
      }),
    ],
    calls: [
      {
        toolUseId: 'toolu_a',
        prompt: 'Find every caller of `upload` in src/ and say which of them rely on the retry.',
        agentType: 'Explore',
        branchId: 'subtask_1',
        state: 'done',
      },
      {
        toolUseId: 'toolu_b',
        prompt: 'Read logs/upload.log and list all 503 answers with their time and cause.',
        agentType: 'general-purpose',
        branchId: 'subtask_2',
        state: 'done',
      },
    ],
  },
  {
    name: 'a1',
    parent: 'read',
    branch: 'subtask_1',
    fresh: true,
    preview: 'Find every caller of `upload` in src/',
    says: [user('Find every caller of `upload` in src/ and say which of them rely on the retry.')],
    reply: [use('toolu_a1', 'Grep', { pattern: 'upload\\(', path: 'src' })],
  },
  {
    name: 'b1',
    parent: 'read',
    branch: 'subtask_2',
    fresh: true,
    preview: 'Read logs/upload.log and list all 503 answers',
    says: [user('Read logs/upload.log and list all 503 answers with their time and cause.')],
    reply: [
      use('toolu_b1', 'Bash', {
        command: 'grep -c " 503 " logs/upload.log',
        description: 'Count 503 answers',
      }),
    ],
  },
  {
    name: 'a2',
    parent: 'a1',
    branch: 'subtask_1',
    preview: 'Grep',
    says: [user([result('toolu_a1', 'src/sync.ts:31\nsrc/cli.ts:8')])],
    reply: [use('toolu_a2', 'Read', { file_path: 'src/sync.ts', offset: 20, limit: 40 })],
  },
  {
    name: 'b2',
    parent: 'b1',
    branch: 'subtask_2',
    preview: 'Bash',
    says: [user([result('toolu_b1', '7')])],
    reply: [text('Seven answers with 503, all while the disk was full.')],
  },
  {
    name: 'a3',
    parent: 'a2',
    branch: 'subtask_1',
    preview: 'Read',
    says: [user([result('toolu_a2', 'await upload(url);')])],
    reply: [text('Two callers: `sync.ts` and `cli.ts`; neither relies on the retry.')],
  },
  {
    name: 'agents',
    parent: 'read',
    preview: 'Agent ×2',
    says: [
      user([
        result('toolu_a', 'Two callers: `sync.ts` and `cli.ts`; neither relies on the retry.'),
        result('toolu_b', 'Seven answers with 503, all while the disk was full.'),
      ]),
    ],
    reply: [
      text('So the retry hides a **full disk**. I’ll keep one retry, but log what it saw:'),
      use('toolu_todo', 'TodoWrite', {
        todos: [
          { content: 'Find the cause', status: 'completed' },
          { content: 'Log the first error', status: 'in_progress' },
          { content: 'Run the tests ten times', status: 'pending' },
        ],
      }),
      use('toolu_edit', 'Edit', {
        file_path: '/home/dev/upload-service/src/upload.ts',
        old_string: OLD,
        new_string: NEW,
      }),
      use('toolu_test', 'Bash', {
        command: 'npm test -- src/upload.test.ts',
        description: 'Run the upload tests',
      }),
    ],
  },
  {
    name: 'test',
    parent: 'agents',
    preview: 'TodoWrite, Edit, Bash',
    says: [
      user([
        result('toolu_todo', 'Todos have been modified successfully.'),
        result('toolu_edit', 'The file src/upload.ts has been updated.'),
        result('toolu_test', `Exit code 1\n${OUTPUT}`, true),
      ]),
    ],
    reply: [
      text(
        'Still failing: the helper counts the warning as a request. Next I would change `flaky()`.\n\n```ts\nexport async function flaky(times: number): Promise<Server> {\n  const server = await listen();\n  server.failNext(times); // answers 503\n  return server;\n}\n```\n\n| step | result |\n|---|---|\n| read log | 7 × 503 |\n| run test | fails |',
      ),
    ],
  },
  {
    name: 'over',
    parent: 'test',
    preview: 'go on, change flaky()',
    says: [user('go on, change flaky()')],
    row: {
      state: 'failed',
      responseStatus: 529,
      error: 'Overloaded',
      outputTokens: 0,
      durationMs: 900,
      firstTokenMs: null,
    },
    responseBody: { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } },
  },
  {
    name: 'over2',
    parent: 'test',
    retryOf: 'over',
    preview: 'go on, change flaky()',
    row: { state: 'failed', responseStatus: 529, error: 'Overloaded', outputTokens: 0 },
    responseBody: { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } },
  },
  {
    name: 'go',
    parent: 'test',
    retryOf: 'over',
    preview: 'go on, change flaky()',
    reply: [
      text('Done: `flaky()` now ignores log requests.'),
      use('toolu_w', 'Write', { file_path: 'test/support/flaky.ts', content: 'export const flaky = 1;\n' }),
    ],
  },
  {
    name: 'go2',
    parent: 'go',
    preview: 'Write',
    says: [user([result('toolu_w', 'File created.')])],
    reply: [text('All 12 tests pass, ten times in a row.')],
  },
  {
    name: 'other',
    parent: 'test',
    branch: 'branch_20261123091405',
    preview: 'rather remove the retry altogether',
    says: [user('rather remove the retry altogether')],
    reply: [
      text('Removing it is simpler.'),
      use('toolu_rm', 'Edit', {
        file_path: 'src/upload.ts',
        old_string: OLD,
        new_string: 'export const upload = send;',
      }),
    ],
  },
  {
    name: 'other2',
    parent: 'other',
    branch: 'branch_20261123091405',
    preview: 'Edit',
    says: [user([result('toolu_rm', 'Updated.')])],
    row: {
      state: 'failed',
      responseStatus: 400,
      error: 'prompt is too long: 200812 tokens > 200000 maximum',
      durationMs: 420,
    },
    responseBody: {
      type: 'error',
      error: { type: 'invalid_request_error', message: 'prompt is too long: 200812 tokens > 200000 maximum' },
    },
  },
  {
    name: 'other3',
    parent: 'other',
    branch: 'branch_20261123091619',
    preview: 'keep it, but cap the wait at 250 ms',
    says: [user([result('toolu_rm', 'Updated.'), text('keep it, but cap the wait at 250 ms')])],
    row: { state: 'aborted', durationMs: 3100, cacheReadInputTokens: 171_000, contextTokens: 174_300 },
    reply: [text('Capping the wait')],
  },
  {
    name: 'sum',
    parent: 'go2',
    preview: 'compact',
    says: [user('Your task is to create a detailed summary of the conversation so far.')],
    row: { contextTokens: 191_400, cacheReadInputTokens: 188_000 },
    reply: '<summary>The retry hid a full disk.</summary>',
  },
  {
    name: 'cont',
    parent: 'sum',
    branch: 'compact_092102',
    fresh: true,
    preview: 'now write the changelog entry',
    says: [
      user([
        text(
          'This session is being continued from a previous conversation that ran out of context.\n\nThe retry hid a full disk.',
        ),
        text('now write the changelog entry'),
      ]),
    ],
    reply: [
      use('toolu_ch', 'Edit', {
        file_path: 'CHANGELOG.md',
        old_string: '## Unreleased\n',
        new_string: '## Unreleased\n\n- Uploads log the first error before they try again.\n',
      }),
    ],
  },
  {
    name: 'last',
    parent: 'cont',
    branch: 'compact_092102',
    preview: 'Edit',
    says: [
      user([result('toolu_ch', 'Updated.')]),
      {
        role: 'system',
        content:
          'The user sent a new message while you were working: and mention the issue number, it is #481',
      },
    ],
    row: { state: 'running', durationMs: null, responseStatus: null, outputTokens: 0, firstTokenMs: null },
  },
];

/** Fresh each time: tests change it. `upTo`: only the turns up to this one, for growth. */
export function uploadTest(upTo?: string): Scripted {
  const end = upTo === undefined ? TURNS.length : TURNS.findIndex((turn) => turn.name === upTo) + 1;
  return scriptConversation('Fix the flaky upload test', TURNS.slice(0, end));
}

/** A long conversation: `count` turns, a branch every 200, a sub-task every 50. */
export function longConversation(count: number): Scripted {
  const turns: ScriptedTurn[] = [];
  for (let index = 0; index < count; index++) {
    const branch =
      index < 300
        ? 'main'
        : index % 200 < 150
          ? 'main'
          : `branch_2026112309${String(Math.floor(index / 200)).padStart(2, '0')}00`;
    const before = turns.findLast((turn) => turn.branch === branch) ?? turns.at(-1);
    turns.push({
      name: `t${index}`,
      branch,
      ...(before ? { parent: before.name } : {}),
      fresh: true,
      preview: index % 7 === 0 ? `step ${index}: what about the next file?` : 'Read, Bash ×2',
      says: [user(`step ${index}`)],
      reply: [text(`Answer ${index}.`)],
      row: { contextTokens: 12_000 + index * 90, messageCount: index * 2 + 1 },
      ...(index % 50 === 10
        ? {
            calls: [
              {
                toolUseId: `toolu_l${index}`,
                prompt: `Look at part ${index}.`,
                agentType: 'Explore',
                branchId: `subtask_${index}`,
                state: 'running' as const,
              },
            ],
          }
        : {}),
    });
  }
  return scriptConversation('Port the whole test suite to the new runner', turns, 2);
}
