import fc from 'fast-check';

interface Said {
  role: string;
  content: Record<string, unknown>[];
}

/** Texts whose edges, letters and escapes have gone wrong somewhere. */
const piece = fc.constantFrom(
  'plain words',
  'quotes " and \\ and \t tabs',
  'žluťoučký 🐎',
  '🐎',
  '\u00e0',
  ' \u00a0',
  '\u2028x\u3000',
  'half \ud800 of a pair',
  '\u001b[31mred\u001b[0m',
  '<system-reminder>r</system-reminder>',
  'This session is being continued from a previous conversation: é',
  'Your task is to create a detailed summary of the conversation',
  'The user sent a new message while you were working: é',
  '\r\nlines\r\n',
  '',
);
/** Long ones, too: large blocks are read in another way. */
const text = fc
  .tuple(piece, piece, piece, fc.constantFrom(0, 0, 80))
  .map(([first, middle, last, times]) => first + middle.repeat(times) + last);

const said = fc.record({
  form: fc.constantFrom(
    'prompt',
    'prompt',
    'call',
    'result',
    'result',
    'results',
    'system',
    'thinking',
    'odd',
    'empty',
  ),
  text,
  id: fc.nat(5),
});

/** A message of this form. */
export function messageOf({ form, text: words, id }: { form: string; text: string; id: number }): Said {
  const result = (content: unknown): Record<string, unknown> => ({
    tool_use_id: `toolu_${String(id)}`,
    type: 'tool_result',
    content,
  });
  switch (form) {
    case 'call':
      return {
        role: 'assistant',
        content: [
          { type: 'text', text: words },
          { type: 'tool_use', id: `toolu_${String(id)}`, name: 'Read', input: { path: words } },
        ],
      };
    case 'result':
      return { role: 'user', content: [result(words)] };
    case 'results':
      return {
        role: 'user',
        content: [result([{ type: 'text', text: words }]), result(words), { type: 'text', text: words }],
      };
    case 'system':
      return { role: 'system', content: [{ type: 'text', text: words }] };
    case 'thinking':
      return { role: 'assistant', content: [{ type: 'thinking', thinking: words, signature: 's' }] };
    case 'odd':
      return {
        role: 'user',
        content: [
          { type: 'image', source: { type: 'base64', data: words } },
          {
            type: 'tool_result',
            name: words,
            tool_use_id: words,
            content: [{ type: 'image', source: words }],
          },
          { ž: words, a: [words, 1e21, null] },
        ],
      };
    case 'empty':
      return { role: 'assistant', content: [] };
    default:
      return { role: 'user', content: [{ type: 'text', text: words }] };
  }
}

/** What happens next in a session, and how it is sent. */
export const step = fc.record({
  agent: fc.constantFrom(0, 0, 0, 0, 0, 0, 1, 2),
  change: fc.constantFrom(
    ...Array.from({ length: 10 }, () => 'grow'),
    'append',
    'append',
    'rewind',
    'fork',
    'compact',
    'again',
  ),
  said: fc.array(said, { minLength: 1, maxLength: 3 }),
  at: fc.nat(8),
  send: fc.record({
    order: fc.constantFrom(0, 0, 0, 1, 2),
    billing: fc.constantFrom(0, 0, 1, 2),
    strings: fc.constantFrom('flip', 'flip', 'none', 'all'),
    marks: fc.constantFrom(1, 1, 2, 0),
    indent: fc.constantFrom(...Array.from({ length: 11 }, () => undefined), 1),
    damage: fc.constantFrom(
      ...Array.from({ length: 30 }, () => 'none'),
      'key twice',
      'messages twice',
      'escaped key',
      'cut',
      'bad number',
      'bad block',
      'not UTF-8',
      'spaces around',
      'one space',
    ),
  }),
});
export type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** The bodies the steps send: agents of one session with tools and system prompts of their own. */
export function bodiesOf(steps: Step[]): Buffer[] {
  const agents: Said[][] = [[], [], []];
  return steps.map(({ agent, change, said: more, at, send }) => {
    const history = agents[agent]!;
    const fresh = more.map(messageOf);
    const last = history.at(-1);
    if (change === 'fork') agents[agent] = [...agents[at % 3]!, ...fresh];
    else if (change === 'rewind') agents[agent] = [...history.slice(0, at), ...fresh];
    else if (change === 'compact') agents[agent] = fresh;
    else if (change === 'append' && last !== undefined) {
      agents[agent] = [
        ...history.slice(0, -1),
        { ...last, content: [...last.content, ...fresh[0]!.content] },
      ];
    } else if (change === 'grow') agents[agent] = [...history, ...fresh];
    return bytesOf(agents[agent]!, agent, send);
  });
}

/** One request. */
export function bytesOf(history: Said[], agent: number, send: Step['send']): Buffer {
  const messages = history.map((message, index) => {
    const marked = index >= history.length - send.marks;
    const content = message.content.map((block, at) =>
      marked && at === message.content.length - 1
        ? { ...block, cache_control: { type: 'ephemeral' } }
        : block,
    );
    const [only, ...others] = content;
    const isText = only !== undefined && others.length === 0 && only['type'] === 'text' && !marked;
    const string = isText && (send.strings === 'all' || (send.strings === 'flip' && index % 3 === 0));
    return { role: message.role, content: string ? only['text'] : content };
  });
  const parts = {
    messages,
    system: [
      { type: 'text', text: `x-anthropic-billing-header: cch=${String(send.billing)};` },
      { type: 'text', text: `You are agent ${String(agent)} 🐎` },
    ],
    tools: agent === 2 ? [] : [{ name: 'Read' }, { name: `Tool${String(agent)}`, input_schema: {} }],
  };
  const body = {
    ...(send.order === 2 ? { max_tokens: 1 } : { model: 'm' }),
    ...(send.order === 1 ? { tools: parts.tools, system: parts.system, messages } : parts),
    metadata: { user_id: '{"session_id":"s"}' },
    stream: true,
  };
  return damaged(JSON.stringify(body, null, send.indent), send.damage);
}

function damaged(json: string, damage: string): Buffer {
  switch (damage) {
    case 'key twice':
      return Buffer.from(json.replace('{', '{"stream":1,'));
    case 'messages twice':
      return Buffer.from(json.replace('{', '{"messages":[],'));
    case 'escaped key':
      return Buffer.from(json.replace('"role"', '"r\\u006fle"'));
    case 'cut':
      return Buffer.from(json.slice(0, -9));
    case 'bad number':
      return Buffer.from(json.replace('{', '{"a":1.,'));
    case 'bad block':
      return Buffer.from(json.replace('"text":"', '"text":"\\x'));
    case 'not UTF-8': {
      const bytes = Buffer.from(json).toString('latin1');
      return Buffer.from(bytes.replaceAll('words', 'w\xffrds'), 'latin1');
    }
    case 'spaces around':
      return Buffer.from(` ${json}\n`);
    case 'one space':
      return Buffer.from(json.replace('},{', '}, {'));
    default:
      return Buffer.from(json);
  }
}
