import assert from 'node:assert/strict';
import type { Frame } from 'playwright-core';
import { words } from '../support/story-texts.ts';
import { until } from '../support/until.ts';
import { conversationRow, type Scene } from './scene.ts';

/** Somebody opens the conversation to find out what the agent did. */
export async function lookingClosely(scene: Scene): Promise<void> {
  const { wb, check, shot } = scene;
  let panel: Frame | undefined;
  const open = () => panel ?? assert.fail('the conversation is not open');

  await check('a click in the side bar opens the conversation', async () => {
    // The terminal has done its work; the panel gets its room.
    await wb.command('View: Hide Panel');
    await conversationRow(scene).click();
    panel = await wb.webview('nexus-tree .turn-row');
    await panel.locator('.conversation-title h1', { hasText: 'Fix the flaky upload test' }).waitFor();
  });
  await check('the side bar names its branches, sub-tasks and compaction', async () => {
    await conversationRow(scene).locator('.monaco-tl-twistie').click();
    const parts = wb.page.locator('.pane-body .monaco-list-row');
    for (const part of ['2 sub-tasks', '1 compaction']) {
      await parts.filter({ hasText: part }).first().waitFor();
    }
  });
  await shot('side-bar', '.part.sidebar');
  await check('the header sums the conversation up', async () => {
    const facts = (await open().locator('.facts').innerText()).replaceAll('\n', ' · ');
    for (const fact of [/opus-5-5/, /1 branch/, /2 sub-tasks/, /15 requests/, /tokens/]) {
      assert.match(facts, fact);
    }
  });
  await check('every turn of the story has its row, in its column', async () => {
    const rows = await open()
      .locator('.turn-row')
      .evaluateAll((all) => all.map((row) => (row as HTMLElement).dataset['branch'] ?? ''));
    const count = (start: string) => rows.filter((branch) => branch.startsWith(start)).length;
    assert.deepEqual(
      { main: count('main'), branch: count('branch_'), compact: count('compact_') },
      { main: 8, branch: 1, compact: 2 },
    );
    assert.equal(await open().locator('.joint-row').count(), 1);
  });
  await check('two parallel sub-agents are boxes beside their turn', async () => {
    const boxes = await open().locator('.task-box').allInnerTexts();
    const labels = boxes.map((box) => /sub-task \d+ \(\d+\)/.exec(box.replaceAll('\n', ' '))?.[0]);
    assert.deepEqual(labels, ['sub-task 1 (5)', 'sub-task 2 (5)']);
  });
  await check('chips filter by branch', async () => {
    const chips = open().locator('.branch-bar .chip');
    assert.match(
      await chips.allInnerTexts().then((texts) => texts.join('|').replaceAll('\n', ' ')),
      /all\|main 8\|branch \d\d:\d\d 1\|compaction \d\d:\d\d 2/,
    );
    await chips.filter({ hasText: 'branch' }).first().click();
    await until('only the branch', 5000, async () =>
      (await open().locator('.turn-row').count()) === 1 ? true : undefined,
    );
    await chips.filter({ hasText: 'all' }).first().click();
    await until('all turns', 5000, async () =>
      (await open().locator('.turn-row').count()) === 11 ? true : undefined,
    );
  });
  await check('a click on a turn shows its request: text, tool call with result, usage', async () => {
    await open().locator('.turn-row[data-branch="main"]').nth(3).click();
    const turn = open().locator('nexus-turn');
    await turn.locator('text=node --test').first().waitFor();
    const shown = (await turn.innerText()).replaceAll('\n', ' ');
    assert.match(shown, /cached \d+(\.\d)?k/);
    assert.match(shown, /Edit .*src\/upload\.js \+1 −1/);
    assert.match(shown, /Bash node --test/);
  });
  await check('an answer is drawn as Markdown', async () => {
    await open().locator('.turn-row[data-branch="main"]').nth(4).click();
    const turn = open().locator('nexus-turn');
    await turn.locator('table td', { hasText: 'once per attempt' }).first().waitFor();
    await turn.locator('pre code', { hasText: 'const stream = openStream(file)' }).first().waitFor();
  });
  await check('a sub-task opens in place', async () => {
    await open().locator('.task-row[data-task="subtask_1"] .task-twistie').click();
    const rows = open().locator('.turn-row[data-branch="subtask_1"]');
    await until('its two turns', 5000, async () => ((await rows.count()) === 2 ? true : undefined));
    await rows.first().click();
    await open()
      .locator('nexus-turn', { hasText: words.explorePrompt.slice(0, 40) })
      .waitFor();
  });
  await check('raw JSON opens in a read-only editor', async () => {
    await open().locator('nexus-turn').getByRole('tab', { name: 'JSON' }).click();
    await open()
      .locator('nexus-turn')
      .getByRole('button', { name: /open.*request|request.*json/i })
      .first()
      .click();
    const editor = wb.page.locator('.editor-instance .monaco-editor', { hasText: '"model"' }).first();
    await editor.waitFor({ timeout: 20_000 });
    await editor.click();
    await wb.page.keyboard.type('x');
    await wb.page
      .locator('.monaco-editor-overlaymessage', { hasText: /read-only/i })
      .waitFor({ timeout: 10_000 });
    await shot('raw-json');
    await wb.command('View: Close Editor');
  });
}
