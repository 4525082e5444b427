import { expect } from 'vitest';
import { MemoryLinker } from './memory-linker.ts';
import { streamOf } from './messages.ts';

/** One exchange of a story. `reply`: the answer's blocks; null: it failed; undefined: it still runs. */
export interface Step {
  id: string;
  messages: unknown[];
  reply?: unknown[] | null;
  /** The stream is cut behind the answer's blocks. */
  cut?: boolean;
  session?: string | null;
  agent?: string;
  parentAgent?: string;
  project?: string;
  /** Seconds since the story began; otherwise one after the step before. */
  at?: number;
  system?: unknown;
  thread?: unknown;
  upstreamId?: string;
  client?: string;
  retryCount?: number;
}

/** `parent@branch` of each step, `signal` where it matters; `-` no parent. A root's conversation is its own id. `expected` null: not compared. */
export function check(steps: Step[], expected: Record<string, string> | null): MemoryLinker {
  const linker = new MemoryLinker();
  const start = Date.UTC(2026, 10, 22, 14, 0, 0);
  let second = 0;
  const found: Record<string, string> = {};
  for (const step of steps) {
    second = step.at ?? second + 1;
    const at = start + second * 1000;
    const exchange = linker.request({
      requestId: step.id,
      at,
      method: 'POST',
      path: '/v1/messages',
      headers: headersOf(step),
      body: {
        model: 'm',
        system: step.system,
        tools: [{ name: 'Read' }],
        messages: step.messages,
        thread: step.thread,
      },
      project: step.project ?? null,
    });
    if (step.reply !== undefined) {
      const message = { id: `msg_${step.id}`, type: 'message', role: 'assistant', content: step.reply };
      const error = { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } };
      linker.response(exchange, {
        status: step.reply === null ? 529 : 200,
        contentType: step.cut === true ? 'text/event-stream' : 'application/json',
        upstreamId: step.upstreamId ?? null,
        bytes: Buffer.from(
          step.cut === true ? cutStream(step) : JSON.stringify(step.reply === null ? error : message),
        ),
        messages: step.messages,
        at: at + 500,
      });
    }
    const { decision, branchId, conversationId } = exchange;
    const root = decision.parentRequestId === null && conversationId !== null ? ` in ${conversationId}` : '';
    found[step.id] = `${decision.signal} ${decision.parentRequestId ?? '-'}@${branchId ?? 'none'}${root}`;
  }
  if (expected !== null) expect(found).toEqual(expected);
  return linker;
}

/** The events of an answer without its end. */
function cutStream({ id, reply }: Step): string {
  const content = (reply ?? []) as Record<string, unknown>[];
  return streamOf({ id: `msg_${id}`, content })
    .slice(0, -2)
    .join('');
}

export function headersOf({
  session = 's1',
  agent,
  parentAgent,
  client,
  retryCount,
}: Step): [string, string][] {
  const all: [string, string | null | undefined][] = [
    ['x-claude-code-session-id', session],
    ['x-claude-code-agent-id', agent],
    ['x-claude-code-parent-agent-id', parentAgent],
    ['user-agent', client],
    ['x-stainless-retry-count', retryCount?.toString()],
  ];
  return all.filter((pair): pair is [string, string] => typeof pair[1] === 'string');
}

export const text = (words: string): unknown => ({ type: 'text', text: words });
export const task = (id: string, prompt: string, more = {}): unknown => ({
  type: 'tool_use',
  id,
  name: 'Task',
  input: { prompt, ...more },
});
export const result = (id: string, words = 'done'): unknown => ({
  type: 'tool_result',
  tool_use_id: id,
  content: words,
});
export const q = (...content: (string | object)[]): unknown => ({
  role: 'user',
  content: content.map((one) => (typeof one === 'string' ? text(one) : one)),
});
export const a = (...content: (string | object)[]): unknown => ({
  role: 'assistant',
  content: content.map((one) => (typeof one === 'string' ? text(one) : one)),
});
export const SUMMARISE = 'Your task is to create a detailed summary of the conversation so far.';
export const CONTINUED =
  'This session is being continued from a previous conversation that ran out of context.';
