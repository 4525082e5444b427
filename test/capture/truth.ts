import type { CaptureTruth } from '../fixtures/captures/load.mjs';
import type { FakeExchange } from '../support/fake-anthropic.mjs';

interface Block {
  type: string;
  id?: string;
  tool_use_id?: string;
  input?: { prompt?: string };
}

/** Whose line of talk a request is, by what the client says: null is the main one. */
export const lineOfAgent = (exchange: FakeExchange): string | null =>
  headerOf(exchange, 'x-claude-code-agent-id');

/**
 * What goes on from what: lines of talk do not fork in these scenarios, and the agent's id says whose line a request is.
 * Which call started an agent is what the client says when it brings the agent's report, else the call whose prompt it has.
 */
export function truthsOf(
  exchanges: FakeExchange[],
  lineOf: (exchange: FakeExchange) => string | null,
): CaptureTruth[] {
  const ids = exchanges.map((_, index) => String(index + 1).padStart(3, '0'));
  const known = new Map<string, { truth: CaptureTruth; good: boolean; rule: string }[]>();
  return exchanges.map((exchange, index) => {
    const { response } = exchange;
    const rule = String(response.rule ?? '');
    const ended = { id: ids[index]!, ended: response.ended ?? 'complete' };
    if (!/^(?:main|sub)\//.test(rule)) return { ...ended, role: 'side-call', side: sideOf(exchange) };
    const agent = lineOf(exchange);
    const name = agent ?? 'main';
    if ((agent === null) !== rule.startsWith('main/')) throw new Error(`${rule} was asked by ${name}`);
    const line = known.get(name) ?? [];
    const last = line.at(-1);
    const whole = line.findLast(({ good }) => good);
    const again = last !== undefined && !last.good && last.rule === rule;
    const call = agent !== null && line.length === 0 ? callOf(exchanges, index, agent) : null;
    const parent = call === null ? whole?.truth.id : ids[call.by];
    const truth: CaptureTruth = {
      ...ended,
      role: call === null ? 'turn' : 'subagent',
      conversation: name,
      label: rule,
      ...(parent === undefined ? { root: true } : { parent }),
      ...(again ? { retry_of: last.truth.id } : {}),
      ...(call === null ? {} : { spawned_by: { request: ids[call.by]!, tool_use_id: call.id } }),
    };
    const good = response.status === 200 && response.ended === 'complete';
    known.set(name, [...line, { truth, good, rule }]);
    return truth;
  });
}

function callOf(exchanges: FakeExchange[], index: number, agent: string): { by: number; id: string } {
  const calls = exchanges.flatMap(({ response }, by) =>
    blocksOf((response.body as { content?: unknown } | null)?.content)
      .filter(({ type, input }) => type === 'tool_use' && input?.prompt !== undefined)
      .map(({ id, input }) => ({ by, id: id!, prompt: input!.prompt! })),
  );
  const reported = exchanges
    .flatMap(({ request }) => messagesOf(request.body).flatMap(({ content }) => blocksOf(content)))
    .find((block) => block.type === 'tool_result' && JSON.stringify(block).includes(`agentId: ${agent}`));
  const said = calls.find(({ id }) => id === reported?.tool_use_id);
  if (said !== undefined) return said;
  const first = JSON.stringify(messagesOf(exchanges[index]!.request.body)[0]);
  const own = calls.filter(({ by, prompt }) => by < index && first.includes(JSON.stringify(prompt)));
  if (own.length !== 1) {
    throw new Error(`Nothing says which of ${String(own.length)} calls started agent ${agent}`);
  }
  return own[0]!;
}

const messagesOf = (body: unknown): { role: string; content: unknown }[] =>
  (body as { messages?: { role: string; content: unknown }[] } | null)?.messages ?? [];
const blocksOf = (content: unknown): Block[] => (Array.isArray(content) ? (content as Block[]) : []);

function sideOf({ request: { path } }: FakeExchange): string {
  return path.endsWith('count_tokens')
    ? 'count-tokens'
    : path.endsWith('/messages')
      ? 'other-side-call'
      : 'models';
}

/** The value of a header, whatever its case; null without it. */
function headerOf({ request: { rawHeaders } }: FakeExchange, name: string): string | null {
  const at = rawHeaders.findIndex((one, index) => index % 2 === 0 && one.toLowerCase() === name);
  return at < 0 ? null : rawHeaders[at + 1]!;
}
