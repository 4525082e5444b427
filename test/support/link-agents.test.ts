import { describe, expect, test } from 'vitest';
import { a, check, CONTINUED, q, result, SUMMARISE, task, text, type Step } from './link-story.ts';

const first: Step = { id: 'A', messages: [q('one')], reply: [text('1')] };
const second: Step = { id: 'B', messages: [q('one'), a('1'), q('two')], reply: [text('2')] };

describe('sub-agents', () => {
  const parent: Step = {
    id: 'P',
    messages: [q('go')],
    reply: [task('t1', 'part one'), task('t2', 'part two')],
  };
  test('by prompt, in any order, with their own followers, and the parent stays on main', () => {
    const linker = check(
      [
        parent,
        { id: 'S2', messages: [q('<system-reminder>x</system-reminder>', 'part two')], reply: [text('r')] },
        { id: 'S1', messages: [q('part one')], reply: [text('x')] },
        { id: 'S2b', messages: [q('part two'), a('r'), q('more')], reply: [] },
        {
          id: 'M',
          messages: [
            q('go'),
            a(task('t1', 'part one') as object, task('t2', 'part two') as object),
            q(result('t1') as object, result('t2') as object),
          ],
          reply: [],
        },
      ],
      {
        P: 'root -@main in P',
        S2: 'spawn-prompt P@subtask_2',
        S1: 'spawn-prompt P@subtask_1',
        S2b: 'response-prefix S2@subtask_2',
        M: 'response-prefix P@main',
      },
    );
    const sub = (id: string): unknown[] => {
      const decision = linker.exchanges.find(({ requestId }) => requestId === id)?.decision;
      return [decision?.isSubtask, decision?.parentTaskRequestId, decision?.toolUseId];
    };
    expect([sub('S1'), sub('S2b'), sub('M')]).toEqual([
      [true, 'P', 't1'],
      [true, 'P', null],
      [false, null, null],
    ]);
  });
  test('not from another session, nor later than 30 s after the parent ended where only the prompt is known', () => {
    const child: Step = { id: 'S', messages: [q('part one')], reply: [] };
    check([parent, { ...child, session: 's2' }], { P: 'root -@main in P', S: 'root -@main in S' });
    check([parent, { ...child, at: 31 }], { P: 'root -@main in P', S: 'spawn-prompt P@subtask_1' });
    check([parent, { ...child, at: 32 }], { P: 'root -@main in P', S: 'root -@main in S' });
    check([parent, { ...child, at: 300, agent: 'a1' }], {
      P: 'root -@main in P',
      S: 'spawn-prompt P@subtask_1',
    });
  });
  test('equal prompts in parallel take one call each; a failed first request is tried again', () => {
    const twins: Step = { ...parent, reply: [task('t1', 'same'), task('t2', 'same')] };
    const child: Step = { id: 'S1', messages: [q('same')], reply: null };
    check(
      [
        twins,
        { ...child, agent: 'a1' },
        { ...child, id: 'S1b', agent: 'a1' },
        { ...child, id: 'S2', agent: 'a2' },
      ],
      {
        P: 'root -@main in P',
        S1: 'spawn-prompt P@subtask_1',
        S1b: 'retry P@subtask_1',
        S2: 'spawn-prompt P@subtask_2',
      },
    );
    check([twins, child, { ...child, id: 'S2' }, { ...child, id: 'S1b' }], {
      P: 'root -@main in P',
      S1: 'spawn-prompt P@subtask_1',
      S2: 'spawn-prompt P@subtask_2',
      S1b: 'retry P@subtask_2',
    });
  });
  test('nested: the call of the agent that spawned it', () => {
    const outer: Step = { id: 'O', agent: 'a1', messages: [q('part one')], reply: [task('t3', 'part two')] };
    const inner: Step = { id: 'I', agent: 'a2', parentAgent: 'a1', messages: [q('part two')], reply: [] };
    check([parent, outer, inner], {
      P: 'root -@main in P',
      O: 'spawn-prompt P@subtask_1',
      I: 'spawn-prompt O@subtask_3',
    });
  });
  test('a fork has the whole history and is a sub-task all the same', () => {
    const fork: Step = { ...parent, reply: [task('t1', 'do it', { subagent_type: 'fork' })] };
    const directive = '<fork-boilerplate>x</fork-boilerplate>\n\nYour directive: do it';
    const history = [q('go'), a(task('t1', 'do it', { subagent_type: 'fork' }) as object)];
    check(
      [
        fork,
        {
          id: 'F',
          agent: 'a1',
          messages: [...history, q(result('t1', 'Fork started') as object, directive)],
          reply: [text('f')],
        },
        {
          id: 'G',
          agent: 'a1',
          messages: [...history, q(result('t1', 'Fork started') as object, directive), a('f'), q('on')],
          reply: [],
        },
        { id: 'M', messages: [...history, q(result('t1', 'forked') as object)], reply: [] },
      ],
      {
        P: 'root -@main in P',
        F: 'spawn-prompt P@subtask_1',
        G: 'response-prefix F@subtask_1',
        M: 'response-prefix P@main',
      },
    );
  });
  test('by agent id, when the prompt was changed and one call is open; a resumed agent goes on', () => {
    const one: Step = { ...parent, reply: [task('t1', 'part one')] };
    const child: Step = { id: 'S', agent: 'a1', messages: [q('something else')], reply: [] };
    check([one, child, { id: 'S2', agent: 'a1', messages: [q('rewritten')], reply: [] }], {
      P: 'root -@main in P',
      S: 'spawn-agent P@subtask_1',
      S2: 'spawn-agent S@subtask_1',
    });
    check([parent, child], { P: 'root -@main in P', S: 'root -@main in S' });
  });
  test('a child that starts while the parent still answers, and one whose first request was lost', () => {
    const late: Step = { id: 'S', messages: [q('part one'), a('x'), q('more')], reply: [] };
    check([parent, late], { P: 'root -@main in P', S: 'spawn-prompt P@subtask_1' });
  });
});

describe('compaction', () => {
  const summary = `<analysis>a</analysis>\n<summary>\n${'The user wants one thing and then another thing. '.repeat(4)}\n</summary>`;
  const asks: Step = {
    id: 'S',
    messages: [q('one'), a('1'), q('two'), a('2'), q(SUMMARISE)],
    reply: [text(summary)],
  };
  const goesOn = (words: string): Step => ({
    id: 'N',
    messages: [q('a file'), q(`${CONTINUED}\nSummary:\n${words}\nGo on.`)],
    reply: [text('n')],
  });
  const body = 'The user wants one thing  and then another thing.\n'.repeat(4);
  const roots = { A: 'root -@main in A', B: 'response-prefix A@main', S: 'response-prefix B@main' };

  test('the continued session hangs at the summary, on a branch of its own', () => {
    const next = goesOn(body);
    const follower: Step = { id: 'O', messages: [...next.messages, a('n'), q('more')], reply: [] };
    check([first, second, asks, next, follower], {
      ...roots,
      N: 'compaction S@compact_140004',
      O: 'response-prefix N@compact_140004',
    });
  });
  test('the summarising request is a leaf: what follows its parent stays on the branch', () => {
    const on: Step = { id: 'C', messages: [q('one'), a('1'), q('two'), a('2'), q('three')], reply: [] };
    check([first, second, asks, on], { ...roots, C: 'response-prefix B@main' });
  });
  test('never by an empty or short summary, nor by another text', () => {
    for (const reply of ['', 'ok', '<summary></summary>']) {
      check([first, second, { ...asks, reply: [text(reply)] }, goesOn(`${reply} ok`)], {
        ...roots,
        N: 'root -@main in N',
      });
    }
    check([first, second, asks, goesOn('Something else entirely. '.repeat(9))], {
      ...roots,
      N: 'root -@main in N',
    });
  });
  test('a long summary links across sessions, a short one does not', () => {
    check([first, second, asks, { ...goesOn(body), session: 's2' }], {
      ...roots,
      N: 'compaction S@compact_140004',
    });
    const short = 'One thing was asked for, and done too.';
    const brief: Step = { ...asks, reply: [text(`<summary>${short}</summary>`)] };
    check([first, second, brief, goesOn(short)], { ...roots, N: 'compaction S@compact_140004' });
    check([first, second, brief, { ...goesOn(short), session: 's2' }], { ...roots, N: 'root -@main in N' });
  });
  test('the old wording, with labels in the place of the tags', () => {
    const labels = `Analysis:\na\n\nSummary:\n${body}`;
    check([first, second, { ...asks, reply: [text(labels)] }, goesOn(body)], {
      ...roots,
      N: 'compaction S@compact_140004',
    });
  });
});
