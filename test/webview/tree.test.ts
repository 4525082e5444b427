import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Stage, type Panel } from './support/panel.ts';
import { routesOf } from './support/routes.ts';
import { longConversation, uploadTest } from './support/upload-test.ts';

const stage = new Stage();
let panel: Panel;
beforeAll(() => stage.start());
afterAll(() => stage.stop());
afterEach(async () => {
  expect(panel.faults).toEqual([]);
  await panel.close();
});

const upload = uploadTest();
const conversationId = upload.detail.conversation.conversationId;
const requestOf = (name: string): string => upload.ids.get(name) ?? '';

async function open(name: string | null = null): Promise<void> {
  panel = await stage.open({
    routes: routesOf(() => [upload]),
    target: { conversationId, requestId: name === null ? null : requestOf(name) },
  });
  await panel.page.locator('.turn-body .message').first().waitFor();
}

/** `8 now write the changelog entry`: number and label of every row in order. */
function labels(): Promise<string[]> {
  return panel.page
    .locator('.tree-row')
    .evaluateAll((rows) =>
      rows
        .sort((a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top)
        .map((row) =>
          [
            ...row.querySelectorAll(
              '.turn-number, .branch-tag, .task-box, .turn-label:not(.task-row *), .tries, .wrong, .running-word, .joint-label',
            ),
          ]
            .map((part) => part.textContent.trim())
            .join(' '),
        ),
    );
}

const selected = (): Promise<string | null> =>
  panel.page.locator('[role=treeitem][aria-selected=true]').getAttribute('aria-label');

describe('the tree', () => {
  it('draws turns, branches, sub-tasks, the compaction, retries and errors', async () => {
    await open();
    expect(await labels()).toEqual([
      '1 fix the flaky upload test, the retry hides the real error',
      '2 Agent ×2',
      'sub-task 1 (5)',
      'sub-task 2 (3)',
      '3 TodoWrite, Edit, Bash',
      '4 Still failing: the helper counts the warning as a request. Next I would change `flaky()`.',
      '5 go on, change flaky() ×3',
      '6 All 12 tests pass, ten times in a row.',
      '5 09:14 rather remove the retry altogether',
      '6 Edit 400',
      '6 09:16 keep it, but cap the wait at 250 ms aborted',
      '7 compact',
      'compaction 09:21',
      '8 now write the changelog entry',
      '9 Edit running',
    ]);
    expect(await panel.page.locator('.tree-graph .edge.task').count()).toBe(2);
    expect(await panel.page.locator('.tree-graph .edge.compact').count()).toBe(1);
    expect(await panel.page.locator('.tree-graph .edge.fork').count()).toBe(2);
    expect(await panel.page.locator('.tree-graph .node.fork').count()).toBe(2);
    expect(await panel.page.locator('.chip').allInnerTexts()).toEqual([
      'all',
      'main\n7',
      'branch 09:14\n2',
      'branch 09:16\n1',
      'compaction 09:21\n2',
    ]);
  });

  it('places sub-task boxes beside their turn: 150 px right, 36 px high, with the prompt on hover', async () => {
    await open();
    const box = await panel.page.locator('[data-task=subtask_1] .task-box').boundingBox();
    const canvas = await panel.page.locator('.tree-canvas').boundingBox();
    expect(box?.height).toBe(36);
    expect((box?.x ?? 0) - (canvas?.x ?? 0)).toBe(46 + 150);
    await panel.page.hover('[data-task=subtask_1] .task-box');
    expect(await panel.page.locator('[role=tooltip]').innerText()).toContain('Find every caller of `upload`');
  });

  it('says its structure to a screen reader', async () => {
    await open();
    const tree = panel.page.locator('[role=tree]');
    const active = await tree.getAttribute('aria-activedescendant');
    expect(await panel.page.locator(`#${active}`).getAttribute('aria-label')).toBe(
      'Turn 9, compaction 09:21, Edit, running, context 11 % full',
    );
    const box = panel.page.locator('[data-task=subtask_2]');
    expect(await box.getAttribute('aria-label')).toBe('sub-task 2 (3), done, general-purpose');
    expect([await box.getAttribute('aria-level'), await box.getAttribute('aria-expanded')]).toEqual([
      '2',
      'false',
    ]);
  });

  it('selects the last turn first; a click shows another', async () => {
    await open();
    expect(await panel.page.locator('.turn-header .summary-line').first().innerText()).toMatch(/^9/);
    await panel.page.click(`[data-request="${requestOf('test')}"]`);
    await panel.page.locator('.markdown', { hasText: 'Still failing' }).waitFor();
    expect(await selected()).toMatch(/^Turn 4, main, Still failing.*, branch point/);
  });

  it('opens a sub-task in place and shows it', async () => {
    await open();
    await panel.page.click('[data-task=subtask_1] .task-box');
    await panel.page.locator('.task-header').waitFor();
    expect((await labels()).slice(2, 6)).toEqual([
      'sub-task 1 (5)',
      'Find every caller of `upload` in src/',
      'Read',
      'Two callers: `sync.ts` and `cli.ts`; neither relies on the retry.',
    ]);
    await panel.page.locator('.task-turn').nth(1).click();
    await panel.page.locator('.turn-body [data-tool=Grep]').waitFor();
    expect(await selected()).toMatch(/^Turn 2, sub-task 1, Read/);
  });

  it('opens the sub-task a shown turn lies in; closing it chooses the box', async () => {
    await open('a2');
    expect(await selected()).toMatch(/^Turn 2, sub-task 1, Read/);
    await panel.page.locator('[data-task=subtask_1] .task-twistie').click();
    await expect.poll(selected).toMatch(/^sub-task 1/);
  });

  it('is moved through by keys', async () => {
    await open();
    const press = async (...keys: string[]): Promise<string> => {
      for (const key of keys) await panel.page.keyboard.press(key);
      return (await selected()) ?? '';
    };
    expect(await press('Home')).toMatch(/^Turn 1,/);
    expect(await press('j')).toMatch(/^Turn 2,/);
    expect(await press('ArrowDown')).toMatch(/^sub-task 1/);
    expect(await press('ArrowRight')).toMatch(/^sub-task 1/);
    expect(await press('j')).toMatch(/^Turn 1, sub-task 1/);
    expect(await press('ArrowLeft', 'ArrowLeft')).toMatch(/^sub-task 1/);
    expect(await panel.page.locator('[data-task=subtask_1]').getAttribute('aria-expanded')).toBe('false');
    expect(await press('k', 'k')).toMatch(/^Turn 1,/);
    expect(await press('End')).toMatch(/^Turn 9,/);
    await press('Enter');
    expect(await panel.page.evaluate(() => document.activeElement?.className)).toBe('turn-scroll');
    await press('?');
    expect(await panel.page.getByRole('dialog', { name: 'Keyboard shortcuts' }).count()).toBe(1);
    await press('Escape');
    expect(await panel.page.getByRole('dialog').count()).toBe(0);
    await panel.page.keyboard.press('Escape');
    await panel.page.keyboard.press('Escape');
    await panel.page.getByText('No conversations yet').waitFor();
  });

  it('filters by branch and by words, and says when nothing is left', async () => {
    await open();
    await panel.page.getByRole('button', { name: /^branch_20261123091405/ }).click();
    expect(await labels()).toEqual(['5 09:14 rather remove the retry altogether', '6 Edit 400']);
    await panel.page.keyboard.press('f');
    await panel.page.keyboard.press('f');
    await panel.page.keyboard.press('f');
    await panel.page.keyboard.press('/');
    await panel.page.keyboard.type('flaky');
    expect(await labels()).toEqual([
      '1 fix the flaky upload test, the retry hides the real error',
      '4 Still failing: the helper counts the warning as a request. Next I would change `flaky()`.',
      '5 go on, change flaky() ×3',
    ]);
    await panel.page.keyboard.type(' nowhere');
    expect(await panel.page.locator('.notice').innerText()).toContain('No turn matches');
    await panel.page.keyboard.press('Escape');
    expect(await labels()).toHaveLength(15);
  });

  it('zooms with keys and wheel, and fits', async () => {
    await open();
    const width = async (): Promise<number> =>
      (await panel.page.locator('[data-task=subtask_1] .task-box').boundingBox())?.width ?? 0;
    await panel.page.locator('[role=tree]').focus();
    await panel.page.keyboard.press('+');
    expect(await width()).toBeCloseTo(140 * 1.2, 0);
    await panel.page.keyboard.press('0');
    expect(await width()).toBe(140);
    await panel.page.hover('[role=tree]');
    await panel.page.keyboard.down('Control');
    await panel.page.mouse.wheel(0, 200);
    await panel.page.keyboard.up('Control');
    expect(await width()).toBeLessThan(120);
  });
});

describe('2,000 turns', () => {
  const long = longConversation(2000);

  it('keeps only what is in view in the document, wherever one scrolls', async () => {
    panel = await stage.open({
      routes: routesOf(() => [long]),
      target: { conversationId: long.detail.conversation.conversationId, requestId: null },
    });
    const rows = panel.page.locator('.tree-row');
    await panel.page.locator('.turn-body .message').first().waitFor();
    expect(await rows.count()).toBeLessThan(80);
    expect(await selected()).toContain('Turn');
    await panel.page.keyboard.press('Home');
    expect(await selected()).toMatch(/^Turn 1,/);
    await panel.page
      .locator('.tree-scroll')
      .evaluate((scroller) => (scroller.scrollTop = scroller.scrollHeight / 2));
    await expect.poll(() => panel.page.locator('.turn-number').first().innerText()).not.toBe('1');
    expect(await rows.count()).toBeLessThan(100);
    expect(await panel.page.locator('.edge').count()).toBeLessThan(160);
  });
});
