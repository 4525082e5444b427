import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Anthropic from '@anthropic-ai/sdk';
import { betaTool } from '@anthropic-ai/sdk/helpers/beta/json-schema';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type {
  ConversationDetail,
  ConversationPage,
  RequestDetail,
  RequestPage,
  RequestRow,
} from '../../src/protocol/rows.ts';
import type { SidecarStatus } from '../../src/protocol/status.ts';
import { answerId, MADE_UP_KEY, runClaude, seedClaudeHome } from '../support/claude-code.ts';
import { createFakeAnthropic, fault, text, toolUse, type FakeAnthropic } from '../support/fake-anthropic.mjs';
import { startSidecar, type TestSidecar } from '../support/sidecar.ts';
import { uploadStory, writeStoryProject, type StepName } from '../support/story.ts';
import { until } from '../support/until.ts';

let fake: FakeAnthropic;
let sidecar: TestSidecar;

beforeAll(async () => {
  fake = await createFakeAnthropic();
  sidecar = await startSidecar({ upstream: fake.url });
});
afterAll(async () => {
  await sidecar.remove();
  await fake.close();
});

async function ask<T>(path: string): Promise<T> {
  const answer = await sidecar.api(path);
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as T;
}

/** Resolves when everything that passed so far is stored. */
async function recorded(): Promise<void> {
  await until('an empty recorder queue', 30_000, async () => {
    const { recorder, activeRequests } = await ask<SidecarStatus>('/api/status');
    if (recorder.failed > 0) throw new Error(`not recorded: ${recorder.lastError ?? ''}`);
    return recorder.pending === 0 && activeRequests === 0 && recorder.recorded >= fake.exchanges.length
      ? true
      : undefined;
  });
}

const newest = async (limit: number): Promise<RequestRow[]> =>
  (await ask<RequestPage>(`/api/requests?limit=${limit}`)).requests.reverse();
const detail = (row: RequestRow) => ask<RequestDetail>(`/api/requests/${row.requestId}`);

describe('@anthropic-ai/sdk', () => {
  const client = () => new Anthropic({ baseURL: sidecar.baseUrl, apiKey: MADE_UP_KEY, maxRetries: 0 });
  const base = { model: 'claude-haiku-4-5', max_tokens: 200 };
  const question = { role: 'user' as const, content: 'How many moons does Mars have?' };

  test('a plain request: the answer reaches the program and both halves are stored', async () => {
    fake.setScript([{ reply: { content: [text('Two: Phobos and Deimos.')] } }]);
    const message = await client().messages.create({ ...base, messages: [question] });
    expect(message.content).toMatchObject([{ type: 'text', text: 'Two: Phobos and Deimos.' }]);
    await recorded();
    const [row] = await newest(1);
    expect(row).toMatchObject({
      requestType: 'inference',
      state: 'completed',
      responseStatus: 200,
      streaming: false,
    });
    const stored = await detail(row!);
    expect(stored.requestBody).toEqual(fake.exchanges.at(-1)?.request.body);
    expect(stored.responseBody).toEqual(fake.exchanges.at(-1)?.response.body);
  });

  test('a stream: events arrive as sent, and the next turn continues the conversation', async () => {
    fake.setScript([
      { reply: { content: [text('Phobos is the larger one, about 22 km across.')], chunkChars: 7 } },
    ]);
    const first = { role: 'assistant' as const, content: 'Two: Phobos and Deimos.' };
    const messages = [question, first, { role: 'user' as const, content: 'Which is larger?' }];
    const stream = client().messages.stream({ ...base, messages });
    const pieces: string[] = [];
    stream.on('text', (piece) => pieces.push(piece));
    const message = await stream.finalMessage();
    expect(pieces.length).toBeGreaterThan(3);
    expect(pieces.join('')).toBe('Phobos is the larger one, about 22 km across.');
    await recorded();
    const [before, row] = await newest(2);
    expect(row).toMatchObject({
      streaming: true,
      parentRequestId: before!.requestId,
      conversationId: before!.conversationId,
    });
    const stored = await detail(row!);
    // `stream()` puts what it collects over the start of the message: only what passed on the wire is compared.
    expect(stored.responseBody).toMatchObject({
      id: message.id,
      content: [{ type: 'text', text: pieces.join('') }],
    });
    expect(stored.streamingChunks.map((chunk) => chunk.data).join('')).toContain('event: message_stop');
  });

  test("a refusal is the upstream's own, and is stored as failed", async () => {
    fake.setScript([{ reply: fault.rateLimit({ retryAfter: 7 }) }]);
    const refused = client().messages.create({ ...base, messages: [{ role: 'user', content: 'Again?' }] });
    await expect(refused).rejects.toMatchObject({
      status: 429,
      error: { error: { type: 'rate_limit_error' } },
    });
    await refused.catch((error: unknown) => {
      expect((error as { headers: Headers }).headers.get('retry-after')).toBe('7');
    });
    await recorded();
    expect(await newest(1)).toMatchObject([{ state: 'failed', responseStatus: 429 }]);
  });

  test('the tool runner, whose history the server holds, is one conversation', async () => {
    fake.setScript([
      { when: { lastIsToolResult: true }, reply: { content: [text('It is 21 degrees in Lund.')] } },
      { reply: { content: [toolUse('weather', { place: 'Lund' })] } },
    ]);
    const weather = betaTool({
      name: 'weather',
      description: 'The temperature at a place',
      inputSchema: {
        type: 'object',
        properties: { place: { type: 'string' } },
        required: ['place'],
      } as const,
      run: ({ place }) => `21 degrees in ${place}`,
    });
    const answer = await client().beta.messages.toolRunner({
      ...base,
      tools: [weather],
      messages: [{ role: 'user', content: 'How warm is it in Lund?' }],
    });
    expect(answer.content).toMatchObject([{ type: 'text', text: 'It is 21 degrees in Lund.' }]);
    await recorded();
    const [call, result] = await newest(2);
    expect(result).toMatchObject({
      parentRequestId: call!.requestId,
      conversationId: call!.conversationId,
      branchId: 'main',
    });
    expect((fake.exchanges.at(-1)?.request.body as { thread?: unknown }).thread).toMatchObject({
      type: 'continue',
    });
  });

  test('token counts and models pass too, and are no conversation', async () => {
    fake.setScript([]);
    const counted = await client().messages.countTokens({ model: base.model, messages: [question] });
    expect(counted.input_tokens).toBeGreaterThan(0);
    const models = await client().models.list();
    expect(models.data.length).toBeGreaterThan(0);
    await recorded();
    expect(await newest(2)).toMatchObject([
      { requestType: 'count_tokens', conversationId: null },
      { requestType: 'other', conversationId: null },
    ]);
  });
});

describe('Claude Code', () => {
  const stage = mkdtempSync(join(tmpdir(), 'nexus-clients-'));
  const workspace = join(stage, 'uploader');
  const home = join(stage, 'home');
  const sessionId = randomUUID();
  const story = uploadStory({ workspace, sessionId, forkSessionId: randomUUID(), tag: 'clients' });
  const turns = {} as Record<StepName, RequestRow[]>;
  let conversation: ConversationDetail;

  beforeAll(async () => {
    writeStoryProject(workspace);
    seedClaudeHome(home, workspace);
    fake.setScript(story.rules);
    const run = async (name: StepName, ...more: string[]) => {
      const before = fake.exchanges.length;
      const args = [...story.steps[name], ...more];
      const result = await runClaude({
        args,
        cwd: workspace,
        baseUrl: `${sidecar.baseUrl}/p/uploader`,
        home,
      });
      if (result.code !== 0) throw new Error(`${name}: ${result.stdout}${result.stderr}`);
      await recorded();
      const rows = await newest(fake.exchanges.length - before);
      turns[name] = rows.filter((row) => row.requestType === 'inference');
    };
    await run('fix');
    await run('followUp');
    await run('fork', '--resume-session-at', answerId(home, sessionId, story.forkedAnswer));
    await run('compact');
    await run('goOn');
    const page = await ask<ConversationPage>('/api/conversations?project=uploader');
    expect(page.conversations).toHaveLength(1);
    conversation = await ask<ConversationDetail>(
      `/api/conversations/${page.conversations[0]!.conversationId}`,
    );
  });
  afterAll(() => rmSync(stage, { recursive: true, force: true }));

  const branch = (kind: string) => conversation.branches.filter((row) => row.kind === kind);

  test('every step is one conversation of the project, and every exchange is in it', () => {
    for (const [name, count] of Object.entries(story.turns)) {
      expect(turns[name as StepName], name).toHaveLength(count);
    }
    const all = Object.values(turns).flat();
    expect(new Set(all.map((row) => row.conversationId))).toEqual(
      new Set([conversation.conversation.conversationId]),
    );
    expect(conversation.requests).toHaveLength(all.length);
    expect(conversation.conversation).toMatchObject({
      project: 'uploader',
      requestCount: all.length,
      errorCount: 0,
    });
  });

  test('the main branch runs through the fix, the follow-up and the compaction', () => {
    const main = conversation.requests.filter((row) => row.branchId === 'main');
    expect(main).toHaveLength(8);
    main.slice(1).forEach((row, index) => expect(row.parentRequestId).toBe(main[index]!.requestId));
    expect(main.every((row) => !row.isSubtask)).toBe(true);
  });

  test('two parallel sub-agents are sub-tasks of the turn that called them', () => {
    expect(branch('subtask').map((row) => row.branchId)).toEqual(['subtask_1', 'subtask_2']);
    expect(conversation.invocations).toMatchObject([
      { name: 'Agent', prompt: story.prompts.explore, branchId: 'subtask_1', state: 'done' },
      { name: 'Agent', prompt: story.prompts.log, branchId: 'subtask_2', state: 'done' },
    ]);
    const caller = conversation.invocations[0]!.parentRequestId;
    for (const branchId of ['subtask_1', 'subtask_2']) {
      const rows = conversation.requests.filter((row) => row.branchId === branchId);
      expect(rows).toHaveLength(2);
      expect(rows[0]).toMatchObject({ isSubtask: true, parentTaskRequestId: caller });
      expect(rows[1]).toMatchObject({ isSubtask: true, parentRequestId: rows[0]!.requestId });
    }
  });

  test('the forked session is a branch that leaves the last answer of the fix', () => {
    const answer = turns.fix.filter((row) => row.branchId === 'main').at(-1);
    const [fork] = turns.fork;
    expect(fork).toMatchObject({ parentRequestId: answer!.requestId });
    expect(fork!.branchId).toMatch(/^branch_\d{14}(_\d+)?$/);
    expect(branch('branch')).toMatchObject([
      { branchId: fork!.branchId, parentRequestId: answer!.requestId, requestCount: 1 },
    ]);
  });

  test('what follows the compaction hangs on the summary, on a branch of its own', () => {
    const [first, second] = turns.goOn;
    expect(first).toMatchObject({ parentRequestId: turns.compact[0]!.requestId });
    expect(first!.branchId).toMatch(/^compact_\d{6}(_\d+)?$/);
    expect(second).toMatchObject({ branchId: first!.branchId, parentRequestId: first!.requestId });
  });

  test('request and response are stored as they passed', async () => {
    for (const row of conversation.requests) {
      const stored = await detail(row);
      const id = (stored.responseBody as { id: string }).id;
      const passed = fake.exchanges.find((exchange) => (exchange.response.body as { id?: string }).id === id);
      expect(stored.requestBody).toEqual(passed?.request.body);
      expect(stored.responseBody).toEqual(passed?.response.body);
    }
  });

  test('the made-up key is nowhere in what is stored', async () => {
    const stored = await Promise.all(conversation.requests.map(detail));
    expect(JSON.stringify(stored)).not.toContain(MADE_UP_KEY);
  });
});
