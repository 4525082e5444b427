/** Bodies and responses of the Messages API, as small as they can be. */

export interface Reply {
  id?: string;
  content: Record<string, unknown>[];
  stopReason?: string;
  usage?: Record<string, unknown>;
  model?: string;
}

let counter = 0;

/** A whole message as a call without streaming answers it. */
export function messageOf(reply: Reply): Record<string, unknown> {
  return {
    id: reply.id ?? `msg_${String(++counter)}`,
    type: 'message',
    role: 'assistant',
    model: reply.model ?? 'claude-test-1',
    content: reply.content,
    stop_reason: reply.stopReason ?? 'end_turn',
    usage: reply.usage ?? { input_tokens: 7, output_tokens: 119 },
  };
}

/** The same message as the events of a stream, each as its own text. */
export function streamOf(reply: Reply): string[] {
  const { content, stop_reason, usage, ...start } = messageOf(reply);
  const events: Record<string, unknown>[] = [
    { type: 'message_start', message: { ...start, content: [], stop_reason: null, usage } },
  ];
  (content as Record<string, unknown>[]).forEach((block, index) => {
    const { opened, deltas } = deltasOf(block);
    events.push({ type: 'content_block_start', index, content_block: opened });
    for (const delta of deltas) events.push({ type: 'content_block_delta', index, delta });
    events.push({ type: 'content_block_stop', index });
  });
  events.push({ type: 'message_delta', delta: { stop_reason }, usage }, { type: 'message_stop' });
  return events.map((event) => `event: ${String(event['type'])}\ndata: ${JSON.stringify(event)}\n\n`);
}

export const text = (value: string): Record<string, unknown> => ({ type: 'text', text: value });
export const toolUse = (id: string, name: string, input: unknown): Record<string, unknown> => ({
  type: 'tool_use',
  id,
  name,
  input,
});
export const toolResult = (id: string, content: string): Record<string, unknown> => ({
  type: 'tool_result',
  tool_use_id: id,
  content,
});

export const SSE: [string, string][] = [['content-type', 'text/event-stream']];
export const JSON_TYPE: [string, string][] = [['content-type', 'application/json']];

/** Claude Code's main line: a session, tools, and the messages so far. */
export function turn(
  session: string,
  messages: unknown[],
  more: Record<string, unknown> = {},
): Record<string, unknown> {
  return {
    model: 'claude-test-1',
    max_tokens: 1000,
    messages,
    system: [{ type: 'text', text: 'You are Claude Code.' }],
    tools: [{ name: 'Bash', input_schema: { type: 'object' } }],
    metadata: { user_id: JSON.stringify({ device_id: 'd', account_uuid: 'account-1', session_id: session }) },
    stream: true,
    ...more,
  };
}

export const user = (content: unknown): Record<string, unknown> => ({ role: 'user', content });
export const assistant = (content: unknown): Record<string, unknown> => ({ role: 'assistant', content });

function deltasOf(block: Record<string, unknown>): {
  opened: Record<string, unknown>;
  deltas: Record<string, unknown>[];
} {
  if (block['type'] === 'text') {
    const value = String(block['text']);
    const half = Math.ceil(value.length / 2);
    const parts = [value.slice(0, half), value.slice(half)].filter((part) => part !== '');
    return { opened: text(''), deltas: parts.map((part) => ({ type: 'text_delta', text: part })) };
  }
  if (block['type'] === 'tool_use') {
    const partial = JSON.stringify(block['input']);
    return { opened: { ...block, input: {} }, deltas: [{ type: 'input_json_delta', partial_json: partial }] };
  }
  return { opened: block, deltas: [] };
}
