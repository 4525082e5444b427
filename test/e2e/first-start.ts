import assert from 'node:assert/strict';
import { api, commandTitle, type Scene } from './scene.ts';

/** A window opens with the extension just installed, and nothing has happened yet. */
export async function firstStart(scene: Scene): Promise<void> {
  const { wb, check, shot } = scene;
  await check('the status bar says that Claude Nexus runs', async () => {
    await wb.statusBar(/\btok\b/, 60_000);
  });
  await check('nothing pops up on install', async () => {
    assert.equal(await wb.page.locator('.notification-toast').count(), 0);
  });
  await check('the sidecar uses the machine setting for its upstream', async () => {
    const status = await api<{ upstream: string; windows: number }>(scene, '/api/status');
    assert.equal(new URL(status.upstream).origin, scene.fake.url);
    assert.equal(status.windows, 1);
  });
  await check('the side bar explains itself while it is empty', async () => {
    await wb.openView('Claude Nexus');
    await wb.page
      .locator('.split-view-view .welcome-view-content', { hasText: /Claude/ })
      .first()
      .waitFor({ timeout: 20_000 });
  });
  await check('the panel explains itself while it is empty', async () => {
    await wb.command(commandTitle('openConversations'));
    const panel = await wb.webview('nexus-app');
    await panel.locator('text=No conversations yet').waitFor({ timeout: 20_000 });
  });
  await shot('empty');
}
