import { randomOf, type Random } from '../durability/random.ts';
import { assistant, SSE, streamOf, text, toolResult, toolUse, user } from './messages.ts';
import type { ScriptedExchange } from './recording.ts';

/** A line of talk that can go on: what was said so far, in which session, by which agent. */
interface Line {
  session: string | null;
  agent: string | null;
  parentAgent: string | null;
  messages: Record<string, unknown>[];
  /** Tool calls of the last message, to be answered. */
  calls: string[];
  endsAt: number;
  lastId: string | null;
}

const PROMPTS = ['fix it', 'test it', 'ship it'];
const TASKS = ['look around', 'read the log'];
const SUMMARY = `What was done: ${'one thing after the other. '.repeat(8)}`;

/**
 * Made-up traffic of `count` exchanges in which everything happens that linking has to tell apart, with so few different
 * words that twins are common, and many requests at the same time: turns that go on, forks, rewinds, tries after failures,
 * the same request twice, sub-agents with and without ids, summaries, message threads, clients without a session.
 */
export function generatedTraffic(seed: number, count: number): ScriptedExchange[] {
  const random = randomOf(seed);
  const lines: Line[] = [];
  const tasks: { prompt: string; line: Line; from: number }[] = [];
  const scripts: ScriptedExchange[] = [];
  let at = Date.UTC(2026, 10, 21, 9, 0, 0);
  let tools = 0;

  const pick = <T>(values: readonly T[]): T => values[random.whole(0, values.length - 1)]!;
  const opened = (session: string | null): Line => ({
    session,
    agent: null,
    parentAgent: null,
    messages: [],
    calls: [],
    endsAt: 0,
    lastId: null,
  });

  const send = (
    line: Line,
    messages: Record<string, unknown>[],
    more: Record<string, unknown> = {},
  ): Line => {
    at += random.whole(1, 400);
    const lasts = random.whole(20, 1500);
    const reply = replyOf(random, pick, () => `toolu_${String(seed)}_${String(++tools)}`);
    const fate = random.next();
    const messageId = `msg_${String(seed)}_${String(scripts.length)}`;
    const summarises = more['summarise'] === true;
    const content = summarises ? [text(`<summary>\n${SUMMARY}\n</summary>`)] : reply;
    const headers: [string, string][] = [['content-type', 'application/json']];
    if (line.session !== null) headers.push(['x-claude-code-session-id', line.session]);
    if (line.agent !== null) headers.push(['x-claude-code-agent-id', line.agent]);
    if (line.parentAgent !== null) headers.push(['x-claude-code-parent-agent-id', line.parentAgent]);
    const retried = random.chance(0.3);
    if (retried) headers.push(['x-stainless-retry-count', '1']);
    scripts.push({
      at,
      id: idOf(at, scripts.length),
      head: { headers, project: 'shop' },
      body: {
        model: pick(['claude-test-1', 'claude-test-2']),
        max_tokens: 9,
        stream: true,
        tools: [{ name: 'Bash' }],
        system: pick(['You are one.', 'You are another.']),
        ...(more['thread'] === undefined ? {} : { thread: more['thread'] }),
        messages,
      },
      ...(fate < 0.12
        ? {}
        : {
            response: {
              headers: SSE,
              chunks: streamOf({ id: messageId, content }).slice(0, fate < 0.18 ? 3 : undefined),
              afterMs: lasts,
            },
          }),
      end: { reason: fate < 0.18 ? 'upstream-error' : 'complete' },
    });
    const whole = fate >= 0.18;
    const next: Line = {
      ...line,
      messages: whole ? [...messages, assistant(content)] : line.messages,
      calls: whole
        ? content.flatMap((block) => (block['type'] === 'tool_use' ? [String(block['id'])] : []))
        : [],
      endsAt: at + lasts + 200,
      lastId: whole ? messageId : null,
    };
    if (whole) {
      for (const block of content) {
        const { prompt } = (block['input'] ?? {}) as { prompt?: string };
        if (prompt !== undefined) tasks.push({ prompt, line: next, from: at });
      }
    }
    return next;
  };

  while (scripts.length < count) {
    const kind = random.next();
    const line = lines.length === 0 ? null : pick(lines);
    if (line === null || kind < 0.12) {
      const session = random.chance(0.25) ? null : `s-${String(random.whole(1, 6))}`;
      lines.push(send(opened(session), [user(pick(PROMPTS))]));
    } else if (kind < 0.24 && tasks.length > 0) {
      const { prompt, line: parent } = tasks.splice(random.whole(0, tasks.length - 1), 1)[0]!;
      const agent =
        random.chance(0.6) && parent.session !== null ? `agent-${String(random.whole(1, 5))}` : null;
      lines.push(send({ ...opened(parent.session), agent, parentAgent: parent.agent }, [user(prompt)]));
    } else if (kind < 0.3) {
      const asks = user('Your task is to create a detailed summary of the conversation so far.');
      send(line, [...line.messages, asks], { summarise: true });
      const goesOn = `This session is being continued from a previous conversation that ran out of context.\n${SUMMARY}`;
      if (random.chance(0.8)) lines.push(send({ ...opened(line.session) }, [user(goesOn)]));
    } else if (kind < 0.36 && line.lastId !== null && random.chance(0.5)) {
      const thread = { type: 'continue', previous_message_id: line.lastId };
      send(line, [user(pick(PROMPTS))], { thread });
    } else {
      // Mostly it goes on; now and then in another session, from further up, or without waiting for the answer.
      if (random.chance(0.7)) at = Math.max(at, line.endsAt + random.whole(-300, 300));
      const session = random.chance(0.1) ? `s-${String(random.whole(7, 9))}` : line.session;
      const whole = random.chance(0.85) ? line.messages : line.messages.slice(0, 2);
      const results = whole === line.messages ? line.calls.map((id) => toolResult(id, 'done')) : [];
      const asked = results.length > 0 && random.chance(0.7) ? results : [...results, text(pick(PROMPTS))];
      lines.push(send({ ...line, session }, [...whole, user(asked)]));
      if (lines.length > 12) lines.shift();
    }
  }
  return scripts;
}

/** A UUID version 7 that is the same each time. */
function idOf(at: number, index: number): string {
  const time = at.toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${index.toString(16).padStart(12, '0')}`;
}

function replyOf(
  random: Random,
  pick: <T>(values: readonly T[]) => T,
  toolId: () => string,
): Record<string, unknown>[] {
  const kind = random.next();
  if (kind < 0.5) return [text(pick(['ok', 'done']))];
  if (kind < 0.75) return [toolUse(toolId(), 'Bash', { command: pick(['ls', 'make']) })];
  const calls = Array.from({ length: random.whole(1, 3) }, () =>
    toolUse(toolId(), 'Agent', { prompt: pick(TASKS), description: 'x' }),
  );
  return [text('I ask others.'), ...calls];
}
