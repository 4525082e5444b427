import type {
  BranchKind,
  ConversationDetail,
  InvocationRow,
  RequestDetail,
  RequestRow,
} from '../../../src/protocol/rows.ts';

/** Content of a message as clients send it. */
export type Content = string | Record<string, unknown>[];

export interface ScriptedTurn {
  /** Name used as parent of later turns. */
  name: string;
  parent?: string;
  branch?: string;
  /** New messages of the request, after the parent's history and answer. */
  says?: { role: 'user' | 'assistant' | 'system'; content: Content }[];
  /** A fresh history instead of the parent's: sub-tasks and compactions. */
  fresh?: boolean;
  reply?: Content;
  preview: string;
  /** Overrides of the row. */
  row?: Partial<RequestRow>;
  /** Overrides of the detail. */
  detail?: Partial<RequestDetail>;
  retryOf?: string;
  responseBody?: unknown;
  calls?: Pick<InvocationRow, 'toolUseId' | 'prompt' | 'agentType' | 'branchId' | 'state'>[];
}

export interface Scripted {
  detail: ConversationDetail;
  requests: Map<string, RequestDetail>;
  ids: Map<string, string>;
}

/** `id(7)`: a valid UUID that says its number. */
export function id(number: number, kind = 0): string {
  return `00000000-000${kind}-4000-8000-${String(number).padStart(12, '0')}`;
}

const SYSTEM = [
  { type: 'text', text: 'x-anthropic-billing-header: cc_version=2.1.330.b0c; cc_entrypoint=cli;' },
  { type: 'text', text: 'You are Claude Code, Anthropic’s official CLI for Claude.' },
  {
    type: 'text',
    text: '# Tone\nBe brief. Answer in GitHub-flavoured markdown.\n\n# Tools\nPrefer the dedicated tools over shell commands:\n\n- **Read** over `cat`\n- **Grep** over `grep`\n\nNever invent links.',
  },
];

const TOOLS = ['Agent', 'Bash', 'Edit', 'Glob', 'Grep', 'Read', 'TodoWrite', 'Write'].map((name) => ({
  name,
  description: `${name}: made up for this fixture.\nUse it with care.`,
  input_schema: {
    type: 'object',
    properties: { file_path: { type: 'string', description: 'Absolute path' } },
    required: ['file_path'],
  },
}));

const START = Date.UTC(2026, 10, 23, 9, 2, 11);

function kindOf(branchId: string): BranchKind {
  const prefix = branchId.split('_')[0];
  return prefix === 'subtask'
    ? 'subtask'
    : prefix === 'compact'
      ? 'compact'
      : prefix === 'branch'
        ? 'branch'
        : 'main';
}

/** Builds a conversation from a script: rows, bodies with growing histories, branches and invocations. */
export function scriptConversation(title: string, turns: ScriptedTurn[], number = 1): Scripted {
  const conversationId = id(number, 9);
  const ids = new Map(turns.map((turn, index) => [turn.name, id(number * 10_000 + index + 1)]));
  const histories = new Map<string, Record<string, unknown>[]>();
  const requests = new Map<string, RequestDetail>();
  const rows: RequestRow[] = [];
  const invocations: InvocationRow[] = [];
  let at = START;
  for (const turn of turns) {
    const requestId = ids.get(turn.name) ?? '';
    const branchId = turn.branch ?? 'main';
    const before = turn.retryOf === undefined ? turn.parent : turn.retryOf;
    const base =
      turn.fresh || before === undefined
        ? []
        : (histories.get(turn.retryOf === undefined ? before : `${turn.retryOf}:asked`) ?? []);
    const messages = [...base, ...(turn.says ?? [])];
    const replied = turn.reply === undefined ? [] : [{ role: 'assistant', content: turn.reply }];
    histories.set(`${turn.name}:asked`, messages);
    histories.set(turn.name, [...messages, ...replied]);
    const output = 120 + JSON.stringify(turn.reply ?? '').length * 3;
    const cached = rows.length === 0 || turn.fresh ? 0 : 14_000 + JSON.stringify(base).length * 9;
    const creation = turn.fresh ? 9000 : 2200 + JSON.stringify(turn.says ?? '').length * 4;
    const calls = Array.isArray(turn.reply)
      ? turn.reply.filter((block) => block['type'] === 'tool_use').length
      : 0;
    const row: RequestRow = {
      requestId,
      conversationId,
      project: 'upload-service',
      branchId,
      parentRequestId: turn.parent === undefined ? null : (ids.get(turn.parent) ?? null),
      retryOf: turn.retryOf === undefined ? null : (ids.get(turn.retryOf) ?? null),
      isSubtask: branchId.startsWith('subtask_'),
      parentTaskRequestId: null,
      domain: '127.0.0.1:4517',
      accountId: 'acc_f9e10c7b21aa',
      model: 'claude-opus-5-5',
      requestType: 'inference',
      state: 'completed',
      timestamp: new Date(at).toISOString(),
      inputTokens: 310,
      outputTokens: output,
      cacheReadInputTokens: cached,
      cacheCreationInputTokens: creation,
      totalTokens: 310 + output,
      contextTokens: 310 + cached + creation,
      cost: 0.031,
      firstByteMs: 840,
      firstTokenMs: 1120,
      durationMs: 12_300,
      responseStatus: 200,
      streaming: true,
      error: null,
      messageCount: messages.length,
      toolCallCount: calls,
      path: '/v1/messages?beta=true',
      preview: turn.preview,
      asked: asks((turns.find((each) => each.name === turn.retryOf) ?? turn).says),
      answerPreview: answerOf(turn.reply),
      ...turn.row,
    };
    at += 21_000;
    rows.push(row);
    for (const call of turn.calls ?? []) {
      invocations.push({ name: 'Agent', parentRequestId: requestId, ...call });
    }
    const body = {
      model: row.model,
      max_tokens: 128_000,
      messages,
      system: SYSTEM,
      tools: TOOLS,
      stream: true,
    };
    const message = {
      id: `msg_${requestId.slice(-6)}`,
      type: 'message',
      role: 'assistant',
      model: row.model,
      content: turn.reply,
    };
    requests.set(requestId, {
      ...row,
      requestHeaders: [
        ['Host', '127.0.0.1:4517'],
        ['authorization', '[redacted]'],
        ['user-agent', 'claude-cli/2.1.330 (external, cli)'],
        ['anthropic-beta', 'claude-code-20250219,interleaved-thinking-2025-05-14'],
        ['content-type', 'application/json'],
      ],
      requestBody: body,
      responseHeaders: [
        ['content-type', 'text/event-stream; charset=utf-8'],
        ['request-id', 'req_011CVp9fixture'],
        ['anthropic-ratelimit-unified-5h-utilization', '0.42'],
      ],
      responseBody: turn.responseBody ?? (turn.reply === undefined ? null : message),
      usageData: {
        input_tokens: row.inputTokens,
        output_tokens: row.outputTokens,
        cache_read_input_tokens: row.cacheReadInputTokens,
      },
      streamingChunks: [
        'message_start',
        'content_block_start',
        'content_block_delta',
        'content_block_delta',
        'message_stop',
      ].map((event, index) => ({
        index,
        offsetMs: 840 + index * 210,
        data: `event: ${event}\ndata: {"type":"${event}"}\n\n`,
      })),
      currentMessageHash: 'a'.repeat(64),
      parentMessageHash: null,
      systemHash: 'b'.repeat(64),
      redactions: [{ path: 'headers.authorization', kind: 'credential' }],
      ...turn.detail,
    });
  }
  return { detail: summarise(conversationId, title, rows, invocations), requests, ids };
}

function summarise(
  conversationId: string,
  title: string,
  requests: RequestRow[],
  invocations: InvocationRow[],
): ConversationDetail {
  const branchIds = [...new Set(requests.map((row) => row.branchId ?? 'main'))];
  const branches = branchIds.map((branchId) => {
    const rows = requests.filter((row) => row.branchId === branchId);
    const first = rows[0];
    const last = rows.at(-1);
    return {
      branchId,
      kind: kindOf(branchId),
      parentRequestId: first?.parentRequestId ?? null,
      firstRequestId: first?.requestId ?? '',
      lastRequestId: last?.requestId ?? '',
      requestCount: rows.length,
      messageCount: Math.max(...rows.map((row) => row.messageCount)),
      totalTokens: rows.reduce((sum, row) => sum + row.totalTokens, 0),
      cost: null,
      contextTokens: last?.contextTokens ?? 0,
      durationMs: rows.length * 21_000,
      toolMs: 0,
    };
  });
  const last = requests.at(-1);
  const costs = requests.map((row) => row.cost ?? 0);
  return {
    conversation: {
      conversationId,
      title,
      project: 'upload-service',
      domain: '127.0.0.1:4517',
      accountId: 'acc_f9e10c7b21aa',
      source: 'live',
      state: last?.state ?? 'completed',
      pinned: false,
      firstMessageTime: requests[0]?.timestamp ?? new Date(START).toISOString(),
      lastMessageTime: last?.timestamp ?? new Date(START).toISOString(),
      requestCount: requests.length,
      messageCount: Math.max(0, ...requests.map((row) => row.messageCount)),
      totalTokens: requests.reduce((sum, row) => sum + row.totalTokens, 0),
      contextTokens: requests.reduce((sum, row) => sum + row.contextTokens, 0),
      cost: costs.reduce((sum, cost) => sum + cost, 0),
      errorCount: requests.filter((row) => row.state === 'failed').length,
      branchCount: branches.length,
      subtaskBranchCount: branches.filter((branch) => branch.kind === 'subtask').length,
      compactBranchCount: branches.filter((branch) => branch.kind === 'compact').length,
      modelsUsed: ['claude-opus-5-5', 'claude-haiku-4-5-20251001'],
      latestRequestId: last?.requestId ?? id(0),
      latestModel: last?.model ?? null,
      latestContextTokens: last?.contextTokens ?? 0,
    },
    branches,
    requests,
    invocations,
    sideCalls: [],
  };
}

/** True when the user said something in these messages, tool results aside. */
function asks(says: ScriptedTurn['says'] = []): boolean {
  return says.some(
    ({ role, content }) =>
      role === 'user' && (typeof content === 'string' || content.some((block) => block['type'] === 'text')),
  );
}

/** `Read, Bash ×2`, else the beginning of the text: as the sidecar tells it. */
function answerOf(reply: Content = ''): string {
  if (typeof reply === 'string') return reply.slice(0, 200);
  const names = reply.flatMap((block) => (block['type'] === 'tool_use' ? [String(block['name'])] : []));
  const counts = new Map(names.map((name) => [name, names.filter((other) => other === name).length]));
  const tools = [...counts].map(([name, count]) => (count === 1 ? name : `${name} ×${count}`)).join(', ');
  const said = reply.find((block) => block['type'] === 'text')?.['text'];
  return tools || (typeof said === 'string' ? (said.split('\n', 1)[0] ?? '') : '');
}
