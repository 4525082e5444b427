import { describe, expect, test } from 'vitest';
import { a, check, CONTINUED, q, result, SUMMARISE, task, text, type Step } from './link-story.ts';

/** What went wrong in programs of this kind, or could: each case is one that real clients get into. */

const LONG =
  'The retry read an exhausted stream, so the second attempt sent nothing and still called it a success.';
const first: Step = { id: 'A', messages: [q('one')], reply: [text('1')] };
const second: Step = { id: 'B', messages: [q('one'), a('1'), q('two')], reply: [text('2')] };
const third: Step = {
  id: 'C',
  messages: [q('one'), a('1'), q('two'), a('2'), q('three')],
  reply: [text('3')],
};
const line = { A: 'root -@main in A', B: 'response-prefix A@main', C: 'response-prefix B@main' };

describe('histories that were cut', () => {
  test('at the front: the answer they end with says where they go on from', () => {
    const cut: Step = { id: 'D', messages: [q('three'), a('3'), q('four')], reply: [text('4')] };
    const next: Step = { id: 'E', messages: [...cut.messages, a('4'), q('five')], reply: [] };
    check([first, second, third, cut, next], {
      ...line,
      D: 'last-answer C@main',
      E: 'response-prefix D@main',
    });
  });
  test('in the middle, with the first prompt or the first answers kept', () => {
    const pinned: Step = { id: 'D', messages: [q('one'), q('three'), a('3'), q('four')], reply: [] };
    check([first, second, third, pinned], { ...line, D: 'last-answer C@main' });
    const long = { ...third, reply: [text(LONG)] };
    const kept: Step = { id: 'D', messages: [q('one'), a('1'), q('three'), a(LONG), q('four')], reply: [] };
    check([first, second, long, kept], { ...line, D: 'last-answer C@main' });
  });
  test('missed turns are no cut: a short answer that was given elsewhere, too, decides nothing', () => {
    const other: Step = { id: 'X', messages: [q('else')], reply: [text('Done.')] };
    const missed: Step = {
      id: 'D',
      messages: [q('one'), a('1'), q('two'), a('2'), q('never seen'), a('Done.'), q('four')],
      reply: [],
    };
    check([first, second, other, missed], {
      A: 'root -@main in A',
      B: 'response-prefix A@main',
      X: 'root -@main in X',
      D: 'response-prefix B@main',
    });
  });
  test('of equal answers, the one whose conversation gave the others, too', () => {
    const steps: Step[] = [
      first,
      { ...second, reply: [text('Done.')] },
      { id: 'X', messages: [q('else')], reply: [text('Done.')] },
      { id: 'D', messages: [q('rewritten'), a('1'), q('two'), a('Done.'), q('three')], reply: [] },
    ];
    check(steps, {
      A: 'root -@main in A',
      B: 'response-prefix A@main',
      X: 'root -@main in X',
      D: 'last-answer B@main',
    });
  });
  test('without a session only by an answer that nobody else gives; never in another session or project', () => {
    const bare = (step: Step): Step => ({ ...step, session: null });
    const said = { ...first, reply: [text(LONG)] };
    const cut = (words: string): Step => ({ id: 'D', messages: [q('…'), a(words), q('two')], reply: [] });
    check([bare(said), bare(cut(LONG))], { A: 'root -@main in A', D: 'last-answer A@main' });
    check([bare(first), bare(cut('1'))], { A: 'root -@main in A', D: 'root -@main in D' });
    check([said, { ...cut(LONG), session: 's2' }], { A: 'root -@main in A', D: 'root -@main in D' });
    check([said, { ...cut(LONG), project: 'p' }], { A: 'root -@main in A', D: 'root -@main in D' });
  });
  test('an answer that others were given, too, does not lead away from the whole history', () => {
    const bare = (step: Step): Step => ({ ...step, session: null });
    const other: Step = { id: 'X', messages: [q('else')], reply: [text(LONG)] };
    const said = { ...first, reply: [text(LONG)] };
    const brief: Step = { id: 'B', messages: [q('one'), a(LONG), q('two')], reply: [text('ok')] };
    const on: Step = { id: 'C', messages: [...brief.messages, a('ok'), q('three')], reply: [] };
    const expected = {
      A: line.A,
      X: 'root -@main in X',
      B: 'response-prefix A@main',
      C: 'response-prefix B@main',
    };
    check([said, other, brief, on].map(bare), expected);
    check([said, other, brief, on], expected);
  });
  test('compacted by the server: what stands before its block may be left out', () => {
    const block = { type: 'compaction', content: 'They fixed the test.' };
    const compacted: Step = { ...second, reply: [block, text('2')] };
    const whole: Step = {
      id: 'C',
      messages: [...second.messages, a(block, '2'), q('three')],
      reply: [text('3')],
    };
    const cut: Step = { id: 'D', messages: [a(block, '2'), q('three'), a('3'), q('four')], reply: [] };
    check([first, compacted, whole, cut], { ...line, D: 'last-answer C@main' });
    check([first, compacted, { ...whole, id: 'D', messages: [a(block, '2'), q('three')] }], {
      A: line.A,
      B: line.B,
      D: 'last-answer B@main',
    });
  });
});

describe('tries', () => {
  test('a second one beside the first: a retry in a session, another conversation without one', () => {
    const running: Step = { id: 'A', messages: [q('one')] };
    check([running, { ...first, id: 'B' }], { A: 'root -@main in A', B: 'retry -@main in A' });
    check(
      [
        { ...running, session: null },
        { ...first, id: 'B', session: null },
      ],
      {
        A: 'root -@main in A',
        B: 'root -@main in B',
      },
    );
  });
  test('two programs without a session have the same talk: each goes on with its own', () => {
    const bare = (step: Step, id: string): Step => ({ ...step, id, session: null });
    check([bare(first, 'A'), bare(second, 'B'), bare(first, 'X'), bare(second, 'Y'), bare(third, 'C')], {
      A: 'root -@main in A',
      B: 'response-prefix A@main',
      X: 'root -@main in X',
      Y: 'response-prefix X@main',
      C: 'response-prefix Y@main',
    });
  });
});

describe('calls of sub-agents', () => {
  const asks: Step = {
    id: 'P',
    messages: [q('go')],
    reply: [task('t1', 'part one'), task('t2', 'part two')],
  };
  /** The answer is cut after its calls. */
  const cut: Step = { ...asks, cut: true };

  test('of a failed try are taken over by the one that calls them again: they keep their numbers', () => {
    const again: Step = { ...asks, id: 'P2', reply: [task('t8', 'part one'), task('t9', 'part two')] };
    const child = (id: string, agent: string, prompt: string): Step => ({
      id,
      agent,
      messages: [q(prompt)],
      reply: [text(id)],
    });
    const next: Step = {
      id: 'M',
      messages: [
        q('go'),
        a(task('t8', 'part one') as object, task('t9', 'part two') as object),
        q(result('t8') as object, result('t9') as object),
      ],
      reply: [task('t10', 'part three')],
    };
    check(
      [
        cut,
        again,
        child('S2', 'a2', 'part two'),
        child('S1', 'a1', 'part one'),
        next,
        child('S3', 'a3', 'part three'),
      ],
      {
        P: 'root -@main in P',
        P2: 'retry -@main in P',
        S2: 'spawn-prompt P2@subtask_2',
        S1: 'spawn-prompt P2@subtask_1',
        M: 'response-prefix P2@main',
        S3: 'spawn-prompt M@subtask_3',
      },
    );
  });
  test('one that began before the cut keeps its call; the retry starts another', () => {
    const again: Step = { ...asks, id: 'P2', reply: [task('t8', 'part one')] };
    const child: Step = { id: 'S1', agent: 'a1', messages: [q('part one')], reply: null };
    check([cut, child, again, { ...child, id: 'S2', agent: 'a2' }], {
      P: 'root -@main in P',
      S1: 'spawn-prompt P@subtask_1',
      P2: 'retry -@main in P',
      S2: 'spawn-prompt P2@subtask_3',
    });
  });
  test('whose sub-agent never came: a later call with the same prompt is the one that is meant', () => {
    const refused: Step = {
      id: 'M',
      messages: [
        q('go'),
        a(task('t1', 'part one') as object, task('t2', 'part two') as object),
        q(result('t1', 'refused') as object, result('t2', 'refused') as object),
      ],
      reply: [task('t3', 'part one')],
    };
    check([asks, refused, { id: 'S', agent: 'a1', messages: [q('part one')], reply: [] }], {
      P: 'root -@main in P',
      M: 'response-prefix P@main',
      S: 'spawn-prompt M@subtask_3',
    });
  });
  test('in the background: the parent goes on first, and gets a notice later', () => {
    const started = q(result('t1', 'started') as object, result('t2', 'started') as object);
    const calls = a(task('t1', 'part one') as object, task('t2', 'part two') as object);
    const on: Step = { id: 'M', messages: [q('go'), calls, started], reply: [text('m')] };
    const child: Step = { id: 'S1', agent: 'a1', messages: [q('part one')], reply: [text('s')] };
    const notice: Step = {
      id: 'N',
      messages: [q('go'), calls, started, a('m'), q('<task-notification>done</task-notification>')],
      reply: [],
    };
    check([asks, on, { ...child, id: 'S2', agent: 'a2', messages: [q('part two')] }, child, notice], {
      P: 'root -@main in P',
      M: 'response-prefix P@main',
      S2: 'spawn-prompt P@subtask_2',
      S1: 'spawn-prompt P@subtask_1',
      N: 'response-prefix M@main',
    });
  });
  test('three deep, each of the agent that made the call', () => {
    const deep = (
      id: string,
      prompt: string,
      agent: string,
      parentAgent: string | undefined,
      call: unknown[],
    ): Step => ({
      id,
      agent,
      ...(parentAgent === undefined ? {} : { parentAgent }),
      messages: [q(prompt)],
      reply: call,
    });
    const linker = check(
      [
        { ...asks, reply: [task('t1', 'dig')] },
        deep('D1', 'dig', 'a1', undefined, [task('t2', 'dig')]),
        deep('D2', 'dig', 'a2', 'a1', [task('t3', 'dig')]),
        deep('D3', 'dig', 'a3', 'a2', [text('found')]),
      ],
      {
        P: 'root -@main in P',
        D1: 'spawn-prompt P@subtask_1',
        D2: 'spawn-prompt D1@subtask_2',
        D3: 'spawn-prompt D2@subtask_3',
      },
    );
    expect(linker.exchanges.map(({ decision }) => decision.parentTaskRequestId)).toEqual([
      null,
      'P',
      'D1',
      'D2',
    ]);
  });
  test('of a program that names neither session nor agent', () => {
    const bare = (step: Step): Step => ({ ...step, session: null });
    const child: Step = { id: 'S', messages: [q('part two')], reply: [text('s')] };
    const on: Step = { id: 'T', messages: [q('part two'), a('s'), q('more')], reply: [] };
    check([asks, child, on].map(bare), {
      P: 'root -@main in P',
      S: 'spawn-prompt P@subtask_2',
      T: 'response-prefix S@subtask_2',
    });
  });
  test('whose prompt arrives among reminders, in blocks of their own and in its own', () => {
    const noise = '<system-reminder>today</system-reminder>';
    const child: Step = {
      id: 'S',
      messages: [q(noise, `${noise}\n part one \r\n${noise}`, noise)],
      reply: [],
    };
    check([asks, child], { P: 'root -@main in P', S: 'spawn-prompt P@subtask_1' });
  });
  test('of a workflow: its script names the tasks, and its agents are beside each other', () => {
    const script = "const a = await agent('count the files');\nconst b = await agent('count the tests');";
    const flow = { type: 'tool_use', id: 't1', name: 'Workflow', input: { script } };
    const child = (id: string, words: string): Step => ({
      id,
      agent: id,
      messages: [q(`[Workflow harness — computed task]\nYour task, as computed by the script:\n  ${words}`)],
      reply: [text(id)],
    });
    check([{ ...asks, reply: [flow] }, child('S1', 'count the files'), child('S2', 'count the tests')], {
      P: 'root -@main in P',
      S1: 'spawn-agent P@subtask_1',
      S2: 'spawn-agent P@subtask_1_2',
    });
  });
});

describe('compaction', () => {
  const summary = (words: string): string =>
    `<summary>${`${words} and then another thing. `.repeat(6)}</summary>`;
  const asks = (id: string, messages: unknown[], words: string): Step => ({
    id,
    messages: [...messages, q(SUMMARISE)],
    reply: [text(summary(words))],
  });
  const goesOn = (id: string, words: string, ...more: unknown[]): Step => ({
    id,
    messages: [q(`${CONTINUED}\n${summary(words)}`), ...more],
    reply: [text(id)],
  });
  const history = [q('one'), a('1'), q('two'), a('2')];
  const roots = { A: 'root -@main in A', B: 'response-prefix A@main', S: 'response-prefix B@main' };

  test('repeated: each goes on from its own summary', () => {
    const after = goesOn('N', 'one', q('more'));
    const again = asks('S2', [...after.messages, a('N')], 'two');
    check([first, second, asks('S', history, 'one'), after, again, goesOn('O', 'two', q('and more'))], {
      ...roots,
      N: 'compaction S@compact_140004',
      S2: 'response-prefix N@compact_140004',
      O: 'compaction S2@compact_140006',
    });
  });
  test('asked for twice: the summary that is quoted counts', () => {
    const poor: Step = { ...asks('S', history, 'one'), reply: [text('I cannot say that in a few words.')] };
    const longer: Step = {
      ...asks('S2', history, 'one'),
      messages: [...history, q(`${SUMMARISE} Be brief.`)],
    };
    check([first, second, poor, longer, goesOn('N', 'one', q('more'))], {
      ...roots,
      S2: 'response-prefix B@main',
      N: 'compaction S2@compact_140005',
    });
  });
  test('because the prompt was too long: the refused request stays beside it', () => {
    const refused: Step = { id: 'X', messages: [...history, q('three')], reply: null };
    check([first, second, refused, asks('S', history, 'one'), goesOn('N', 'one', q('three'))], {
      ...roots,
      X: 'response-prefix B@main',
      N: 'compaction S@compact_140005',
    });
  });
  test('with the last messages kept behind the summary, also when those say where the old ones ended', () => {
    const kept = goesOn('N', 'one', q('two'), a('2'), q('three'));
    const next: Step = { id: 'O', messages: [...kept.messages, a('N'), q('four')], reply: [text('4')] };
    const cut: Step = { id: 'Q', messages: [kept.messages[0], q('four'), a('4'), q('five')], reply: [] };
    check([first, second, asks('S', history, 'one'), kept, next, cut], {
      ...roots,
      N: 'compaction S@compact_140004',
      O: 'response-prefix N@compact_140004',
      Q: 'last-answer O@compact_140004',
    });
  });
});
