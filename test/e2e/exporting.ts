import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Frame } from 'playwright-core';
import { words } from '../support/story-texts.ts';
import { until } from '../support/until.ts';
import { commandTitle, type Scene } from './scene.ts';

/** Somebody takes a conversation with them, asks what two requests do not share, and looks through all of them. */
export async function exporting(scene: Scene): Promise<void> {
  const { wb, check, shot, workspace } = scene;
  const { page } = wb;
  const pick = async (text: string | RegExp): Promise<void> => {
    await page.locator('.quick-input-list .monaco-list-row', { hasText: text }).first().click();
  };

  await check('a conversation is exported as Markdown, after two questions and a place', async () => {
    await wb.command(commandTitle('exportConversation'));
    await pick('Fix the flaky upload test');
    await page.locator('.quick-input-title', { hasText: 'which format' }).waitFor();
    await shot('export-format');
    await pick('Markdown');
    await page.locator('.quick-input-title', { hasText: 'masked' }).waitFor();
    await shot('export-redaction');
    await pick('Every secret');
    const ok = page.locator('.quick-input-widget .monaco-button', { hasText: /OK|Save/ }).first();
    await ok.waitFor();
    await ok.click();
    const toast = page.locator('.notification-toast', { hasText: /Exported/ }).first();
    await toast.waitFor({ timeout: 30_000 });
    await shot('export-done');
    const [name = ''] = readdirSync(workspace).filter((file) =>
      /^fix-the-flaky-upload-test-.*\.md$/.test(file),
    );
    const text = readFileSync(join(workspace, name), 'utf8');
    for (const said of ['# Fix the flaky upload test', '## Sub-task 1', words.explorePrompt.slice(0, 40)]) {
      assert.ok(text.includes(said), said);
    }
    assert.deepEqual(
      readdirSync(workspace).filter((file) => file.endsWith('.part')),
      [],
    );
    await toast.getByText('Open', { exact: true }).click();
    await page.locator('.tab.active', { hasText: '.md' }).waitFor();
    await wb.command('View: Close Editor');
    rmSync(join(workspace, name));
  });

  let panel: Frame | undefined;
  await check('all requests are in a list, metadata calls included', async () => {
    await wb.command('Notifications: Clear All Notifications');
    await wb.command(commandTitle('openRequests'));
    panel = await wb.webview('nexus-requests .request-rows .request-row');
    const rows = panel.locator('.request-rows .request-row');
    await until('the story’s requests', 10_000, async () => ((await rows.count()) >= 15 ? true : undefined));
    await shot('requests');
  });
  await check('two requests are compared in the diff editor', async () => {
    const rows = (panel ?? assert.fail('the list is not open')).locator('.request-rows .request-row');
    const turns = rows.filter({ hasText: 'turn' });
    await turns.nth(0).click();
    await page.keyboard.press('Space');
    await turns.nth(1).click();
    await page.keyboard.press('Space');
    await page.keyboard.press('c');
    await page.locator('.tab.active', { hasText: 'Request of' }).waitFor({ timeout: 20_000 });
    await page.locator('.monaco-diff-editor .view-line', { hasText: '"role"' }).first().waitFor();
    await shot('compare');
    await wb.command('View: Close Editor');
  });
  await check('a request of the list opens as a turn of its conversation', async () => {
    // It was covered by the diff editor, and begins anew.
    const list = await wb.webview('nexus-requests .request-rows .request-row');
    await list.locator('.request-rows .request-row', { hasText: 'turn' }).first().click();
    await page.keyboard.press('Enter');
    const conversation = await wb.webview('nexus-turn');
    await conversation.locator('.turn-header').waitFor();
    await conversation.locator('.summary-link', { hasText: 'Compare' }).click();
    await page.locator('.tab.active', { hasText: 'Request of' }).waitFor({ timeout: 20_000 });
    await wb.command('View: Close Editor');
  });
}
