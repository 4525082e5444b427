import fc from 'fast-check';
import { CONTINUED, SUMMARISE } from './link-story.ts';

/** One exchange of a made-up history, with what its client knows of it. */
export interface MadeExchange {
  id: string;
  /** null: a program that names none. */
  session: string | null;
  agent: string | null;
  parentAgent: string | null;
  messages: unknown[];
  maxTokens: number;
  /** The answer's blocks; null: it failed. */
  reply: unknown[] | null;
  /** Exchanges that end before this one can begin: what its client has to know. */
  after: string[];
  /** Exchanges whose calls are known before this one can begin: it is one of their sub-agents. */
  afterCalls: string[];
  truth: MadeTruth;
}

export interface MadeTruth {
  parent: string | null;
  /** The id of the conversation's first exchange. */
  conversation: string;
  isSubtask: boolean;
  /** It starts what this call asks for; one of equal prompts may be taken for another. */
  call: string | null;
  afterCompaction: boolean;
}

/** A line of talk: what its client sends next goes on from `history`. */
interface Line {
  session: string | null;
  agent: string | null;
  parentAgent: string | null;
  history: unknown[];
  tip: string | null;
  after: string[];
  afterCalls: string[];
  truth: Pick<MadeTruth, 'conversation' | 'isSubtask'>;
  /** Results that the next request brings. */
  results: unknown[];
  /** A sub-agent's first request starts what this call asks for. */
  call: { id: string; prompt: string } | null;
}

export type Command =
  | { kind: 'open'; named: boolean; words: number }
  | { kind: 'turn'; line: number; words: number; fails: boolean; trims: boolean }
  | { kind: 'tool'; line: number; words: number }
  | { kind: 'spawn'; line: number; count: number; words: number; ids: boolean; background: boolean }
  | { kind: 'fork'; line: number; words: number }
  | { kind: 'rewind'; line: number; words: number }
  | { kind: 'compact'; line: number };

const line = fc.nat(5);
const words = fc.nat(1);
export const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('open' as const), named: fc.boolean(), words }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('turn' as const),
      line,
      words,
      fails: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
      trims: fc.integer({ min: 0, max: 3 }).map((n) => n === 0),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('tool' as const), line, words }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('spawn' as const),
      line,
      count: fc.integer({ min: 1, max: 3 }),
      words,
      ids: fc.boolean(),
      background: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('fork' as const), line, words }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('rewind' as const), line, words }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('compact' as const), line }) },
);

/** Some conversations that went on beside each other. */
export const histories: fc.Arbitrary<MadeExchange[]> = fc
  .array(command, { minLength: 2, maxLength: 14 })
  .map((commands) => makeHistories(commands));

/** What the clients of these commands send, in an order in which it can be sent. */
export function makeHistories(commands: Command[]): MadeExchange[] {
  const world = new World();
  if (commands[0]?.kind !== 'open') world.run({ kind: 'open', named: true, words: 0 });
  for (const one of commands) world.run(one);
  return world.exchanges;
}

const PROMPTS = ['Fix the test.', 'Go on.'];
const TASKS = ['Find every use of the stream.', 'Read the log of the last run.'];

/** Long enough to be known by without a session. */
const sayFor = (id: string): string =>
  `Answer ${id}: ${'one more line of what was done and why. '.repeat(3)}`;

class World {
  readonly exchanges: MadeExchange[] = [];
  readonly #lines: Line[] = [];
  #sessions = 0;

  run(one: Command): void {
    if (one.kind === 'open') {
      const session = one.named ? `session-${String(++this.#sessions)}` : null;
      const fresh = { ...emptyLine(session), truth: { conversation: '', isSubtask: false } };
      this.#lines.push(fresh);
      this.#turn(fresh, one.words, false);
      return;
    }
    const from = this.#lines[one.line % Math.max(1, this.#lines.length)];
    if (from === undefined) return;
    switch (one.kind) {
      case 'turn':
        if (one.trims) trim(from);
        if (one.fails) this.#turn(from, one.words, true);
        this.#turn(from, one.words, false);
        break;
      case 'tool':
        this.#call(from, one.words, [this.#tool()]);
        break;
      case 'spawn':
        this.#spawn(from, one);
        break;
      case 'fork':
        if (from.session !== null && from.agent === null && from.results.length === 0) {
          const fork = {
            ...from,
            session: `session-${String(++this.#sessions)}`,
            history: [...from.history],
          };
          this.#lines.push(fork);
          this.#turn(fork, one.words, false);
        }
        break;
      case 'rewind':
        this.#rewind(from, one.words);
        break;
      case 'compact':
        this.#compact(from);
        break;
    }
  }

  /** Sends what the line has with a prompt or the results that are due. A failed try leaves the line as it was. */
  #turn(from: Line, words: number, fails: boolean): MadeExchange {
    return this.#send(from, this.#asks(from, words), fails ? null : (id) => [text(sayFor(id))]);
  }

  #asks(from: Line, words: number): unknown {
    if (from.results.length > 0) return { role: 'user', content: from.results };
    return { role: 'user', content: [text(from.call?.prompt ?? PROMPTS[words]!)] };
  }

  #call(from: Line, words: number, calls: { id: string }[], say = true): MadeExchange {
    const sent = this.#send(from, this.#asks(from, words), (id) => [
      { type: 'thinking', thinking: 'hm', signature: 'c2ln' },
      ...(say ? [text(`I look. ${id}`)] : []),
      ...calls,
    ]);
    from.results = calls.map(({ id }) => ({ type: 'tool_result', tool_use_id: id, content: 'done' }));
    return sent;
  }

  #tool(): { id: string } {
    return tool(`toolu_${String(this.exchanges.length)}`, 'Read', { file_path: '/a' });
  }

  #spawn(from: Line, one: Extract<Command, { kind: 'spawn' }>): void {
    // Without agent ids, who is whose child's child is not said: such agents call no others.
    if (from.truth.isSubtask && from.agent === null) return;
    const ids = from.session !== null && (one.ids || from.agent !== null);
    const base = `toolu_${String(this.exchanges.length)}`;
    const asked = Array.from({ length: one.count }, (_, index) => ({
      id: `${base}_${String(index)}`,
      // Equal ones only within one answer: whose child a request is cannot be told otherwise.
      prompt: `${TASKS[(one.words + index) % TASKS.length]!} (${base})`,
    }));
    const calls = asked.map(({ id, prompt }) => tool(id, 'Agent', { prompt }));
    const { id, truth } = this.#call(from, one.words, calls);
    const children = asked.map((call): Line => ({
      ...emptyLine(from.session),
      agent: ids ? `agent-${call.id}` : null,
      parentAgent: ids ? from.agent : null,
      tip: id,
      afterCalls: [id],
      truth: { conversation: truth.conversation, isSubtask: true },
      call,
    }));
    for (const child of children) {
      this.#turn(child, 0, false);
      child.call = null;
      this.#lines.push(child);
    }
    if (!one.background) from.after = [...from.after, ...children.flatMap(({ after }) => after)];
  }

  /** Goes back to before the newest prompt, within the session: another line of talk from there. */
  #rewind(from: Line, words: number): void {
    if (from.session === null || from.agent !== null || from.truth.isSubtask) return;
    const last = this.exchanges.find(({ id }) => id === from.tip);
    if (last === undefined || from.results.length > 0 || last.truth.parent === null) return;
    const before = this.exchanges.find(({ id }) => id === last.truth.parent);
    const holds = before !== undefined && last.messages.length > before.messages.length;
    if (!holds || last.truth.afterCompaction) return;
    const back: Line = { ...from, history: last.messages.slice(0, -1), tip: last.truth.parent };
    if (last.messages.at(-1) === undefined || back.history.length === 0) return;
    this.#lines.push(back);
    this.#turn(back, words, false);
  }

  #compact(from: Line): void {
    if (from.results.length > 0 || from.history.length === 0 || from.call !== null) return;
    const asks = { role: 'user', content: SUMMARISE };
    const { history } = from;
    const summary = (id: string): string =>
      `Summary ${id}: ${'they did this and that with the stream. '.repeat(4)}`;
    const sent = this.#send(from, asks, (id) => [
      text(`<analysis>a</analysis><summary>${summary(id)}</summary>`),
    ]);
    from.history = [];
    const goesOn = { role: 'user', content: [text(`${CONTINUED}\n${summary(sent.id)}`), text(PROMPTS[1]!)] };
    const next = this.#send(from, goesOn, (id) => [text(sayFor(id))]);
    next.truth.afterCompaction = true;
    if (history.length === 0) throw new Error('Nothing to sum up');
  }

  #send(from: Line, message: unknown, reply: ((id: string) => unknown[]) | null): MadeExchange {
    const id = `x${String(this.exchanges.length)}`;
    const messages = [...from.history, message];
    const content = reply?.(id) ?? null;
    const truth: MadeTruth = {
      parent: from.tip,
      conversation: from.truth.conversation === '' ? id : from.truth.conversation,
      isSubtask: from.truth.isSubtask,
      call: from.call?.id ?? null,
      afterCompaction: false,
    };
    const { session, agent, parentAgent } = from;
    const sent = {
      id,
      session,
      agent,
      parentAgent,
      messages,
      maxTokens: 1000,
      reply: content,
      after: from.after,
      afterCalls: from.afterCalls,
      truth,
    };
    this.exchanges.push(sent);
    from.after = [id];
    from.afterCalls = [];
    from.truth = { conversation: truth.conversation, isSubtask: truth.isSubtask };
    if (content !== null) {
      from.history = [...messages, { role: 'assistant', content }];
      from.tip = id;
      from.results = [];
    }
    return sent;
  }
}

function emptyLine(session: string | null): Line {
  return {
    session,
    agent: null,
    parentAgent: null,
    history: [],
    tip: null,
    after: [],
    afterCalls: [],
    truth: { conversation: '', isSubtask: false },
    results: [],
    call: null,
  };
}

/** Keeps the newest question and answer, as a client that has no room for more. */
function trim(from: Line): void {
  if (from.results.length > 0 || from.history.length < 4) return;
  const kept = from.history.slice(-2);
  const asks = (kept[0] as { content: unknown[] }).content;
  // A result whose call was cut off is refused upstream.
  if (!Array.isArray(asks) || asks.some((block) => (block as { type: string }).type === 'tool_result')) {
    return;
  }
  from.history = kept;
}

const text = (value: string): { type: string; text: string } => ({ type: 'text', text: value });
const tool = (id: string, name: string, input: unknown) => ({ type: 'tool_use', id, name, input });
