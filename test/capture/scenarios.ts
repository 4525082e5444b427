import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type Anthropic from '@anthropic-ai/sdk';
import { CLAUDE_CODE_VERSION } from '../support/claude-code.ts';
import {
  fault,
  text,
  thinking,
  toolUse,
  type FakeExchange,
  type FakeRule,
} from '../support/fake-anthropic.mjs';

/** How a scenario talks to the clients. Each call of `run` is one run of Claude Code in the same workspace. */
export interface Client {
  workspace: string;
  sdk: Anthropic;
  /** Runs it to its end. `stdin`: lines of JSON for `--input-format stream-json`. */
  run: (args: string[], stdin?: unknown[]) => Promise<void>;
  /** Starts it, and interrupts it (SIGINT) once the upstream has been asked by this rule so many times. */
  interrupt: (args: string[], rule: string, times: number) => Promise<void>;
}

/**
 * What a real client does in a case that the other captures do not have. Rules are named `<line>/<n>`; a line of talk (the
 * main one, or an agent's) never forks here, so that what goes on from what is known without a linker.
 */
export interface Scenario {
  name: string;
  client: string;
  /** Whose line of talk a request is; null: the main one. Default: what the agent's header says. */
  lineOf?: (exchange: FakeExchange) => string | null;
  rules(workspace: string): FakeRule[];
  play(client: Client, session: string): Promise<void>;
}

const CLAUDE_CODE = `claude-code-${CLAUDE_CODE_VERSION}`;
const SDK = 'anthropic-sdk-1.12.0';
const ALLOWED = ['--allowedTools', 'Bash,Read,Agent'];
const after = (id: string, name: string, ...content: Record<string, unknown>[]): FakeRule => ({
  name,
  when: { fn: ({ toolResults }) => toolResults.some((result) => result['tool_use_id'] === id) },
  reply: { content },
});
const prompted = (start: string, name: string, ...content: Record<string, unknown>[]): FakeRule => ({
  name,
  when: { fn: ({ lastUserText, toolResults }) => toolResults.length === 0 && lastUserText.includes(start) },
  reply: { content },
});
const agent = (prompt: string, id: string) =>
  toolUse(
    'Agent',
    { description: 'Count', prompt, subagent_type: 'general-purpose', run_in_background: false },
    id,
  );
const count = (id: string) => toolUse('Bash', { command: 'echo 3', description: 'Count' }, id);

/** 8 × 8 pixels, one colour. */
const PICTURE =
  'iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEklEQVR4nGP4z8CAFWEXHbQSACj/P8Fu7N9hAAAAAElFTkSuQmCC';

const images: Scenario = {
  name: 'images',
  client: CLAUDE_CODE,
  rules: (workspace) => [
    after('toolu_01picture', 'main/2', text('One colour, too.')),
    prompted('MAIN-IMG what is on it', 'main/1', text('One colour.')),
    prompted(
      'MAIN two',
      'main/1b',
      thinking('A file.'),
      toolUse('Read', { file_path: join(workspace, 'picture.png') }, 'toolu_01picture'),
    ),
    prompted('MAIN three', 'main/3', text('Both alike.')),
  ],
  async play({ workspace, run }, session) {
    writeFileSync(join(workspace, 'picture.png'), Buffer.from(PICTURE, 'base64'));
    const source = { type: 'base64', media_type: 'image/png', data: PICTURE };
    const content = [{ type: 'image', source }, text('MAIN-IMG what is on it')];
    const stream = ['--input-format', 'stream-json', '--output-format', 'stream-json', '--verbose'];
    await run(
      ['-p', ...stream, '--session-id', session],
      [{ type: 'user', message: { role: 'user', content } }],
    );
    await run(['-p', 'MAIN two', '--resume', session, ...ALLOWED]);
    await run(['-p', 'MAIN three', '--resume', session]);
  },
};

const equalPrompts: Scenario = {
  name: 'equal-prompts',
  client: CLAUDE_CODE,
  rules: () => [
    after('toolu_01a', 'main/2', text('Both counted.')),
    after('toolu_01c', 'main/4', text('Counted again.')),
    { name: 'sub/2', when: { lastIsToolResult: true }, reply: { content: [text('There are 3.')] } },
    {
      name: 'sub/1',
      when: { lastUserText: /^Count the files/ },
      reply: ({ headers }) => ({ content: [count(`toolu_01${String(headers['x-claude-code-agent-id'])}`)] }),
    },
    prompted(
      'MAIN-EQ one',
      'main/1',
      agent('Count the files.', 'toolu_01a'),
      agent('Count the files.', 'toolu_01b'),
    ),
    prompted('MAIN two', 'main/3', agent('Count the files.', 'toolu_01c')),
  ],
  async play({ run }, session) {
    await run(['-p', 'MAIN-EQ one', '--session-id', session, ...ALLOWED]);
    await run(['-p', 'MAIN two', '--resume', session, ...ALLOWED]);
  },
};

const interruptedAgents: Scenario = {
  name: 'interrupted-agents',
  client: CLAUDE_CODE,
  rules: () => [
    after('toolu_01d', 'main/3', text('Now it is counted.')),
    after('toolu_01tests', 'sub/2', text('There are 4 tests.')),
    {
      name: 'sub/slow',
      when: { lastUserText: /^Count the files/ },
      times: 1,
      reply: { ...fault.stall(60_000, 3), content: [text('I begin with the files, one by one.')] },
    },
    prompted('Count the files', 'sub/again', text('There are 3 files.')),
    prompted('Count the tests', 'sub/1', count('toolu_01tests')),
    prompted('MAIN two', 'main/2', agent('Count the files.', 'toolu_01d')),
    prompted(
      'MAIN-INT one',
      'main/1',
      agent('Count the files.', 'toolu_01a'),
      agent('Count the tests.', 'toolu_01b'),
    ),
  ],
  async play({ run, interrupt }, session) {
    await interrupt(['-p', 'MAIN-INT one', '--session-id', session, ...ALLOWED], 'sub/2', 1);
    await run(['-p', 'MAIN two, please', '--resume', session, ...ALLOWED]);
  },
};

const TURNS = 5;
const STEPS = 4;

const long: Scenario = {
  name: 'long',
  client: CLAUDE_CODE,
  rules: () => [
    {
      name: 'main/step',
      when: {
        fn: ({ body, toolResults }) => toolResults.length > 0 && stepsSince(body) < STEPS,
      },
      reply: ({ n }) => ({ content: [text(`Step ${String(n)}.`), count(`toolu_01step${String(n)}`)] }),
    },
    {
      name: 'main/done',
      when: { lastIsToolResult: true },
      reply: ({ n }) => ({ content: [text(`Done with ${String(n)}.`)] }),
    },
    {
      name: 'main/prompt',
      when: { lastUserText: /^MAIN-LONG/ },
      reply: ({ n }) => ({ content: [count(`toolu_01first${String(n)}`)] }),
    },
  ],
  async play({ run }, session) {
    for (let turn = 1; turn <= TURNS; turn++) {
      const where = turn === 1 ? ['--session-id', session] : ['--resume', session];
      await run(['-p', `MAIN-LONG ${String(turn)}`, ...where, ...ALLOWED]);
    }
  },
};

/** How many tool calls Claude made since the newest prompt. */
function stepsSince(body: Record<string, unknown> | undefined): number {
  const messages = (body?.['messages'] ?? []) as { role: string; content: unknown }[];
  const prompt = messages.findLastIndex(
    ({ role, content }) => role === 'user' && JSON.stringify(content).includes('MAIN-LONG'),
  );
  return messages.slice(prompt).filter(({ role }) => role === 'assistant').length;
}

const ASK = { model: 'claude-haiku-4-5', max_tokens: 300 } as const;
const WINDOW = 4;

/** A program that has no room for more than its newest messages, and names no session. */
const trimmed: Scenario = {
  name: 'trimmed',
  client: SDK,
  rules: () => [
    {
      name: 'main/turn',
      reply: ({ n }) => ({
        content: [
          text(
            `Answer ${String(n)}: the stream is read once, so each attempt has to open one of its own, and that is what it does now.`,
          ),
        ],
      }),
    },
  ],
  async play({ sdk }) {
    const messages: Anthropic.MessageParam[] = [];
    for (let turn = 1; turn <= 6; turn++) {
      messages.push({ role: 'user', content: `MAIN-TRIM question ${String(turn)}` });
      // Begins with a question, whatever is left.
      while (messages.length > WINDOW + 1) messages.splice(0, 2);
      const { content } = await sdk.messages.create({ ...ASK, messages });
      messages.push({ role: 'assistant', content });
    }
  },
};

const AGENT_TOOL = {
  name: 'Agent',
  description: 'Has a part of the work done',
  input_schema: { type: 'object' as const, properties: { prompt: { type: 'string' } }, required: ['prompt'] },
};

/** A program with sub-agents of its own: nothing but the prompts says whose they are. */
const ownAgents: Scenario = {
  name: 'own-agents',
  client: SDK,
  lineOf: ({ response }) => {
    const [line] = String(response.rule).slice('sub/'.length).split(' ');
    return String(response.rule).startsWith('main/') ? null : (line ?? null);
  },
  rules: () => [
    after('toolu_01files', 'main/2', text('Both are done.')),
    prompted('Count the files', 'sub/files 1', text('There are 3 files.')),
    prompted('Count the tests', 'sub/tests 1', text('There are 4 tests, I think.')),
    prompted('Are you sure', 'sub/tests 2', text('Yes, there are 4.')),
    prompted(
      'MAIN-OWN one',
      'main/1',
      toolUse('Agent', { prompt: 'Count the files.' }, 'toolu_01files'),
      toolUse('Agent', { prompt: 'Count the tests.' }, 'toolu_01tests'),
    ),
  ],
  async play({ sdk }) {
    const question: Anthropic.MessageParam = { role: 'user', content: 'MAIN-OWN one' };
    const ask = async (messages: Anthropic.MessageParam[], tools: Anthropic.Tool[] = []) =>
      await sdk.messages.create({ ...ASK, messages, ...(tools.length === 0 ? {} : { tools }) });
    const { content } = await ask([question], [AGENT_TOOL]);
    const files: Anthropic.MessageParam = { role: 'user', content: 'Count the files.' };
    const tests: Anthropic.MessageParam = { role: 'user', content: 'Count the tests.' };
    const [, counted] = await Promise.all([ask([files]), ask([tests])]);
    await ask([
      tests,
      { role: 'assistant', content: counted.content },
      { role: 'user', content: 'Are you sure?' },
    ]);
    const results = ['toolu_01files', 'toolu_01tests'].map((id) => ({
      type: 'tool_result' as const,
      tool_use_id: id,
      content: 'done',
    }));
    await ask([question, { role: 'assistant', content }, { role: 'user', content: results }], [AGENT_TOOL]);
  },
};

export const scenarios: Scenario[] = [images, equalPrompts, interruptedAgents, long, trimmed, ownAgents];
