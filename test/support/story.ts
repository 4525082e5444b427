import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  text,
  thinking,
  toolUse,
  type FakeReply,
  type FakeRequestInfo,
  type FakeRule,
} from './fake-anthropic.mjs';
import { BROKEN_LINE, FIXED_LINES, LOGGED_LINES, projectFiles, SUMMARY, words } from './story-texts.ts';

/**
 * A small piece of work, told by the scripted upstream to a real Claude Code: read, two parallel sub-agents, an edit, a
 * test run; then a follow-up in the resumed session, a fork of the first answer, a compaction and a turn after it.
 */
export interface Story {
  rules: FakeRule[];
  /** `claude` arguments of each step, in the order in which the story is told. */
  steps: Record<StepName, string[]>;
  /** How many exchanges each step sends that belong to the conversation (side calls not counted). */
  turns: Record<StepName, number>;
  prompts: Record<'explore' | 'log', string>;
  /** How the answer starts from which the fork leaves: `answerId` finds its id for `--resume-session-at`. */
  forkedAnswer: string;
}

export type StepName = 'fix' | 'followUp' | 'fork' | 'compact' | 'goOn';

export interface StoryOptions {
  workspace: string;
  sessionId: string;
  forkSessionId: string;
  /** Keeps tool ids of two tellings in one store apart. */
  tag?: string;
  /** How long the upstream thinks (ms) and waits between chunks (ms); both 0 by default. */
  latency?: number;
  chunkDelay?: number;
}

const ALLOWED = ['--allowedTools', 'Read,Edit,Write,Bash,Agent'];

/** Writes the story's little project into `workspace`; its test really fails before the story's edit and passes after it. */
export function writeStoryProject(workspace: string): void {
  for (const [name, content] of Object.entries(projectFiles)) {
    const file = join(workspace, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
  }
}

export function uploadStory(options: StoryOptions): Story {
  const { workspace, sessionId, forkSessionId } = options;
  const id = (name: string) => `toolu_01${options.tag ?? 'story'}${name}`;
  const file = (name: string) => join(workspace, name);
  const pace = { latency: options.latency ?? 0, chunkDelay: options.chunkDelay ?? 0 };
  const say = (...content: FakeReply['content'] & object): FakeReply => ({ content, ...pace });
  const after = (name: string, reply: FakeReply): FakeRule => ({
    name: `after ${name}`,
    when: { fn: (info) => info.toolResults.some((result) => result['tool_use_id'] === id(name)) },
    reply,
  });
  const prompted = (start: string, reply: FakeReply): FakeRule => ({
    name: start,
    when: { fn: (info) => endsWithPrompt(info, start) },
    reply,
  });
  const edit = (name: string, from: string, to: string) =>
    toolUse('Edit', { file_path: file('src/upload.js'), old_string: from, new_string: to }, id(name));
  const agent = (name: string, description: string, prompt: string, type: string) =>
    toolUse('Agent', { description, prompt, subagent_type: type, run_in_background: false }, id(name));

  const rules: FakeRule[] = [
    {
      name: 'summary',
      when: { lastUserText: /detailed summary of the conversation/ },
      reply: say(text(SUMMARY)),
    },
    after(
      'read',
      say(
        text(words.suspect),
        agent('agentA', 'Trace the stream', words.explorePrompt, 'general-purpose'),
        agent('agentB', 'Read the CI log', words.logPrompt, 'general-purpose'),
      ),
    ),
    prompted(
      words.explorePrompt,
      say(
        toolUse(
          'Bash',
          { command: 'grep -rn openStream src', description: 'Find uses of openStream' },
          id('grep'),
        ),
      ),
    ),
    after('grep', say(text(words.exploreReport))),
    prompted(words.logPrompt, say(toolUse('Read', { file_path: file('ci/last-failure.log') }, id('log')))),
    after('log', say(text(words.logReport))),
    after(
      'agentA',
      say(thinking(words.conclusion), text(words.plan), edit('edit', BROKEN_LINE, FIXED_LINES)),
    ),
    after(
      'edit',
      say(
        text(words.runTests),
        toolUse('Bash', { command: 'node --test', description: 'Run the tests' }, id('test')),
      ),
    ),
    after('test', say(text(words.fixed))),
    prompted(words.followUp, say(text(words.followUpPlan), edit('edit2', FIXED_LINES, LOGGED_LINES))),
    after('edit2', say(text(words.followUpDone))),
    prompted(words.fork, say(thinking(words.forkThought), text(words.forkAnswer))),
    prompted(
      words.goOn,
      say(toolUse('Write', { file_path: file('CHANGELOG.md'), content: words.changelog }, id('write'))),
    ),
    after('write', say(text(words.goOnDone))),
    prompted(
      words.fix,
      say(
        thinking(words.firstThought),
        text(words.firstLook),
        toolUse('Read', { file_path: file('test/upload.test.js') }, id('readTest')),
        toolUse('Read', { file_path: file('src/upload.js') }, id('read')),
      ),
    ),
  ];
  const resume = ['--resume', sessionId];
  return {
    rules,
    steps: {
      fix: ['-p', words.fix, '--session-id', sessionId, ...ALLOWED],
      followUp: ['-p', words.followUp, ...resume, ...ALLOWED],
      fork: ['-p', words.fork, ...resume, '--fork-session', '--session-id', forkSessionId, ...ALLOWED],
      compact: ['-p', '/compact', ...resume],
      goOn: ['-p', words.goOn, ...resume, ...ALLOWED],
    },
    turns: { fix: 9, followUp: 2, fork: 1, compact: 1, goOn: 2 },
    prompts: { explore: words.explorePrompt, log: words.logPrompt },
    forkedAnswer: words.fixed.slice(0, 40),
  };
}

/** The newest user text ends with this prompt (a compacted history may stand before it in the same message). */
function endsWithPrompt(info: FakeRequestInfo, prompt: string): boolean {
  return info.toolResults.length === 0 && info.lastUserText.trimEnd().endsWith(prompt);
}
