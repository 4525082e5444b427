import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { until } from '../support/until.ts';
import type { Workbench } from '../support/workbench.ts';
import { anotherWindow, api, commandTitle, conversationRow, runningSidecar, type Scene } from './scene.ts';

const READY = /\btok\b/;
const OFF = 'Nexus off';

/** Many windows share one sidecar; when it dies, the windows say so and bring it back. */
export async function windowsAndCrashes(scene: Scene): Promise<void> {
  const { wb, check, shot, dataDir } = scene;
  const first = runningSidecar(dataDir);
  const windows = async (count: number) =>
    until(`${count} windows`, 60_000, async () =>
      (await api<{ windows: number }>(scene, '/api/status')).windows === count ? true : undefined,
    );

  let second: Workbench | undefined;
  await check('a second window attaches to the same sidecar, with its own project', async () => {
    second = await anotherWindow(scene, scene.otherWorkspace);
    await second.statusBar(READY, 60_000);
    await windows(2);
    assert.equal(runningSidecar(dataDir).pid, first.pid);
    await second.newTerminal();
    const { port } = new URL(first.url);
    await second.type(
      'echo "[$ANTHROPIC_BASE_URL]"',
      new RegExp(`\\[http://127\\.0\\.0\\.1:${port}/k/[\\w-]+/p/notes\\]`),
    );
  });
  await check('a window that closes is gone for the sidecar too', async () => {
    await second?.context.close();
    await windows(1);
    assert.equal(runningSidecar(dataDir).pid, first.pid);
  });

  await check('a conversation is open', async () => {
    await conversationRow(scene).click();
    await (await wb.webview('nexus-tree .turn-row')).locator('.turn-row').first().waitFor();
  });
  await check('a killed sidecar is told, and started again on the same port', async () => {
    const told = wb.statusBar(OFF, 20_000);
    process.kill(first.pid, 'SIGKILL');
    await told;
    await wb.statusBar(READY, 60_000);
    const next = runningSidecar(dataDir);
    assert.notEqual(next.pid, first.pid);
    assert.equal(next.url, first.url);
  });
  await check('the panel is still usable after that', async () => {
    const panel = await wb.webview('nexus-tree .turn-row');
    await panel.locator('.turn-row').first().click();
    await panel.locator('nexus-turn', { hasText: 'Fix the flaky upload test' }).waitFor();
  });

  const squatter = createServer();
  await check('where it cannot start, the side bar says why, and terminals are left alone', async () => {
    const told = wb.statusBar(OFF, 20_000);
    const { pid, url } = runningSidecar(dataDir);
    process.kill(pid, 'SIGKILL');
    await until('the port to be free', 5000, async () => {
      squatter.listen(Number(new URL(url).port), '127.0.0.1');
      return await once(squatter, 'listening').then(
        () => true,
        () => undefined,
      );
    });
    await told;
    await wb.openView('Claude Nexus');
    await wb.page
      .locator('.welcome-view-content', { hasText: /port is used by another program/ })
      .waitFor({ timeout: 60_000 });
    await wb.newTerminal();
    const line = 'echo "[${ANTHROPIC_BASE_URL-none}|${ENABLE_TOOL_SEARCH-none}|${NO_PROXY-none}]"';
    await wb.type(line, /\[none\|none\|none\]/);
    await shot('off');
  });
  await check('the restart command brings it back, for new terminals too', async () => {
    squatter.close();
    await once(squatter, 'close');
    await wb.command(commandTitle('restartSidecar'));
    await wb.statusBar(READY, 60_000);
    await wb.newTerminal();
    await wb.type('echo "[$ANTHROPIC_BASE_URL]"', /\[http:\/\/127\.0\.0\.1:\d+\/k\/[\w-]+\/p\/uploader\]/);
  });
  await check('routing can be switched off for this workspace', async () => {
    await wb.command(commandTitle('unroute'));
    await wb.newTerminal();
    await wb.type('echo "[${ANTHROPIC_BASE_URL-none}]"', /\[none\]/);
  });
}
