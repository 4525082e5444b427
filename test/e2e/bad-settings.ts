import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../support/until.ts';
import { freePort } from '../support/workbench-server.ts';
import { api, runningSidecar, type Scene } from './scene.ts';

const READY = /\btok\b/;

/** What a user sees when a setting is wrong or the Claude API is away: a sentence, a way out, and nothing lost. */
export async function badSettings(scene: Scene): Promise<void> {
  const { wb, server, check, shot, dataDir } = scene;
  const toast = (words: RegExp) => wb.page.locator('.notification-toast', { hasText: words }).first();
  const ask = async (dir: string): Promise<Response> =>
    fetch(`${runningSidecar(dir).baseUrl}/p/uploader/v1/messages`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': 'sk-ant-made-up' },
      body: JSON.stringify({
        model: 'claude-opus-5-5',
        max_tokens: 9,
        messages: [{ role: 'user', content: 'Hi' }],
      }),
    });
  await wb.command('Notifications: Clear All Notifications');
  await wb.openView('Claude Nexus');

  await check('an upstream that cannot be reached: Claude is answered, VS Code says it', async () => {
    const away = `http://127.0.0.1:${String(await freePort())}`;
    server.setMachine({ 'claudeNexus.upstream': away });
    await until('a sidecar with the new upstream', 60_000, async () =>
      (await upstreamNow(dataDir)) === away ? true : undefined,
    );
    await wb.statusBar(READY, 60_000);
    const answer = await ask(dataDir);
    assert.equal(answer.status, 502);
    const body = (await answer.json()) as { type: string; error: { message: string } };
    assert.equal(body.type, 'error');
    assert.match(body.error.message, /Claude Nexus could not reach/);
    await toast(/Claude’s request failed/).waitFor({ timeout: 20_000 });
    await toast(/Claude’s request failed/)
      .getByText('Check upstream')
      .waitFor();
    const failed = await api<{ requests: { state: string }[] }>(scene, '/api/requests?status=error&limit=1');
    assert.equal(failed.requests[0]?.state, 'failed');
    await shot('upstream-away');
  });

  await wb.command('Notifications: Clear All Notifications');
  await check('a data folder that cannot be written: why, and a way out', async () => {
    server.setMachine({ 'claudeNexus.dataDir': '/proc/nexus' });
    const welcome = wb.page.locator('.welcome-view-content', { hasText: /cannot write to its data folder/ });
    await welcome.waitFor({ timeout: 60_000 });
    await welcome.getByText('Choose Data Folder').waitFor();
    await wb.statusBar('Nexus off');
    await shot('data-folder');
  });

  await wb.command('Notifications: Clear All Notifications');
  await check(
    'a database that is away: Claude goes on, and it says what happens to the recording',
    async () => {
      const apart = join(dataDir, 'apart');
      mkdirSync(apart);
      const databaseUrl = `postgres://nobody@127.0.0.1:${String(await freePort())}/none`;
      server.setMachine({ 'claudeNexus.dataDir': apart, 'claudeNexus.databaseUrl': databaseUrl });
      await toast(/kept until the database is back/).waitFor({ timeout: 90_000 });
      const answer = await ask(apart);
      assert.equal(answer.status, 200);
      const { recorder } = await api<{ recorder: { lastError: string | null } }>(
        { dataDir: apart },
        '/api/status',
      );
      assert.match(recorder.lastError ?? '', /cannot be reached/);
      await shot('database-away');
    },
  );

  await check('right again: everything is as it was', async () => {
    server.setMachine({});
    await wb.page
      .locator('.pane-body .monaco-list-row', { hasText: 'Fix the flaky upload test' })
      .first()
      .waitFor({ timeout: 60_000 });
    await wb.statusBar(READY, 30_000);
  });
}

/** Where the running sidecar sends traffic; null while none answers. */
async function upstreamNow(dataDir: string): Promise<string | null> {
  return await api<{ upstream: string }>({ dataDir }, '/api/status').then(
    ({ upstream }) => new URL(upstream).origin,
    () => null,
  );
}
