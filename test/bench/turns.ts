/** One request of a made-up Claude Code session, as bytes. */
export interface SessionTurn {
  body: Buffer;
  headers: [string, string][];
}

const WORDS =
  'const return export function await number string unknown the value of each request body message result error path file index buffer length offset start while until first last'.split(
    ' ',
  );

/** A generator of numbers below 1, the same ones for the same seed: bodies must not differ between runs. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Numbered lines like those of a source file, indented and quoted. */
function source(next: () => number, bytes: number, tab = '\t'): string {
  const lines: string[] = [];
  let length = 0;
  while (length < bytes) {
    const words = Array.from(
      { length: 3 + Math.floor(next() * 9) },
      () => WORDS[Math.floor(next() * WORDS.length)]!,
    );
    const quoted = next() < 0.4 ? ` "${words[0]!}"` : '';
    const line = `${String(lines.length + 1).padStart(5)}${tab}${'  '.repeat(Math.floor(next() * 4))}${words.join(' ')}${quoted};`;
    lines.push(line);
    length += line.length + 2;
  }
  return lines.join('\n');
}

const SESSION = '0c0ffee0-1111-4222-8333-444455556666';
const HEADERS: [string, string][] = [
  ['user-agent', 'claude-cli/2.1.330 (external, cli)'],
  ['x-claude-code-session-id', SESSION],
];
const MARK = { type: 'ephemeral', ttl: '1h' };

/**
 * The requests of a session of `turns` turns that grows to about `bytes`: one prompt in five turns, else a call and the
 * source code it brings (2–8 KB), 15 KB of system prompt and 80 KB of tools; in Claude Code's key order, with its cache
 * marks. Only the last `last` requests are built.
 */
export function sessionTurns(turns: number, bytes: number, last: number): SessionTurn[] {
  const next = random(7);
  const text = (length: number, more = {}): Record<string, unknown> => ({
    type: 'text',
    text: source(next, length),
    ...more,
  });
  const system = [
    { type: 'text', text: 'x-anthropic-billing-header: cc_version=2.1.330.b0c; cc_entrypoint=cli;' },
    text(100, { cache_control: MARK }),
    text(15_000, { cache_control: MARK }),
  ];
  const tools = Array.from({ length: 16 }, (_, n) => ({
    name: `Tool${String(n)}`,
    description: source(next, 4_000),
    input_schema: {
      type: 'object',
      properties: { path: { type: 'string', description: source(next, 500) } },
      required: ['path'],
    },
  }));
  const average = (bytes - 95_000) / turns - 500;
  const messages: { role: string; content: Record<string, unknown>[] }[] = [];
  const out: SessionTurn[] = [];
  for (let turn = 0; turn < turns; turn++) {
    const id = `toolu_01${String(turn).padStart(20, '0')}`;
    const prompted = turn % 5 === 0;
    const length = Math.round(average * (0.4 + next() * 1.2));
    if (turn > 0) {
      const call = {
        type: 'tool_use',
        id,
        name: `Tool${String(turn % 16)}`,
        input: { path: `/src/file-${String(turn)}.ts` },
      };
      messages.push({ role: 'assistant', content: prompted ? [text(300)] : [text(120), call] });
    }
    messages.push({
      role: 'user',
      content:
        prompted || turn === 0
          ? [text(turn === 0 ? 4_000 : length)]
          : [
              {
                tool_use_id: id,
                type: 'tool_result',
                content: source(next, length, turn % 2 === 0 ? '\t' : '→'),
              },
            ],
    });
    if (turn < turns - last) continue;
    out.push({ headers: HEADERS, body: bodyOf(messages, system, tools) });
  }
  return out;
}

function bodyOf(
  messages: { role: string; content: Record<string, unknown>[] }[],
  system: unknown,
  tools: unknown,
): Buffer {
  const newest = messages.at(-1)!;
  const marked = {
    ...newest,
    content: newest.content.map((block, at) =>
      at === newest.content.length - 1 ? { ...block, cache_control: MARK } : block,
    ),
  };
  return Buffer.from(
    JSON.stringify({
      model: 'claude-opus-5-5',
      messages: [...messages.slice(0, -1), marked],
      system,
      tools,
      metadata: {
        user_id: JSON.stringify({ device_id: 'd'.repeat(64), account_uuid: '', session_id: SESSION }),
      },
      max_tokens: 128_000,
      thinking: { type: 'adaptive' },
      context_management: { edits: [{ type: 'clear_thinking_20251015', keep: 'all' }] },
      stream: true,
    }),
  );
}
