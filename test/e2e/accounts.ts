import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Locator } from 'playwright-core';
import { until } from '../support/until.ts';
import { freePort } from '../support/workbench-server.ts';
import { api, commandTitle, runningSidecar, type Scene } from './scene.ts';

const KEY = 'sk-ant-api03-made-up-key-of-the-user-00000';
const OWN = 'sk-ant-api03-made-up-own-key-of-claude-000';
const HERE = 'Claude on this machine';
const READY = /\btok\b/;

/** Somebody gives Claude Nexus an API key and an account, lets a client use them, and takes them away again. */
export async function accounts(scene: Scene): Promise<void> {
  const { wb, check, shot, dataDir, tokens } = scene;
  const { page } = wb;
  const pane = page.locator('.pane', {
    has: page.locator('.pane-header', { hasText: /accounts and keys/i }),
  });
  const row = (words: string | RegExp): Locator =>
    pane.locator('.monaco-list-row', { hasText: words }).first();
  const input = page.locator('.quick-input-widget input:visible').first();
  const choose = async (words: string): Promise<void> => {
    await page.locator('.quick-input-list .monaco-list-row', { hasText: words }).first().click();
  };
  const dialog = async (button: string): Promise<void> => {
    await page.locator('.monaco-dialog-box').getByRole('button', { name: button, exact: true }).click();
  };
  const clipboard = (): Promise<string> => page.evaluate(() => navigator.clipboard.readText());
  /** What a client in the terminal had spent for it: the credentials the upstream saw. */
  let asked = 0;
  const spent = async (): Promise<string[]> => {
    const mark = String(++asked);
    const before = scene.fake.exchanges.length;
    const body = JSON.stringify({ model: 'm', max_tokens: 9, messages: [{ role: 'user', content: 'Hi' }] });
    const line = `clear; curl -so /dev/null -w "[${mark}:%{http_code}]" "$ANTHROPIC_BASE_URL/v1/messages" -H "x-api-key: ${OWN}" -H "content-type: application/json" -d '${body}'`;
    await wb.type(line, new RegExp(`\\[${mark}:\\d{3}\\]`));
    const raw = scene.fake.exchanges[before]?.request.rawHeaders ?? [];
    return raw.filter((_, index) => /^(x-api-key|authorization)$/i.test(raw[index - 1] ?? ''));
  };

  const startedAnew = async (by: () => Promise<void>): Promise<void> => {
    const { pid } = runningSidecar(dataDir);
    await by();
    await until('another sidecar', 60_000, () => Promise.resolve(hasOther(dataDir, pid) ? true : undefined));
    await wb.statusBar(READY, 60_000);
  };
  await wb.command('Notifications: Clear All Notifications');
  await wb.openView('Claude Nexus');
  await check(
    'accounts and keys are below the conversations, folded, and say that nothing is stored',
    async () => {
      const header = pane.locator('.pane-header');
      assert.equal(await header.getAttribute('aria-expanded'), 'false');
      await header.click();
      await pane.locator('.welcome-view-content', { hasText: /own log-in is passed through/ }).waitFor();
      await shot('accounts-empty', '.part.sidebar');
    },
  );

  await check('an API key is typed unseen, and what is none is refused', async () => {
    await wb.newTerminal();
    assert.deepEqual(await spent(), [OWN]);
    await wb.command(commandTitle('addApiKey'));
    await shot('accounts-whose');
    await choose(HERE);
    await page.locator('.quick-input-title', { hasText: 'API key for' }).waitFor();
    assert.equal(await input.getAttribute('type'), 'password');
    await input.fill(`cnp_live_${'x'.repeat(43)}`);
    await page.locator('.quick-input-message', { hasText: /a client key of Claude Nexus/ }).waitFor();
    await shot('accounts-api-key');
    await input.fill(KEY);
    await page.keyboard.press('Enter');
    await row(HERE).waitFor();
    assert.match(await row(HERE).innerText(), /API key/);
  });
  await check(
    'Claude in the terminal uses it from then on, also after the sidecar has been started anew',
    async () => {
      assert.deepEqual(await spent(), [KEY]);
      await startedAnew(() => wb.command(commandTitle('restartSidecar')));
      await until('the key to be there again', 20_000, async () =>
        (await spent())[0] === KEY ? true : undefined,
      );
    },
  );

  let clientKey = '';
  await check('a new client key is copied once and shown nowhere', async () => {
    await row(HERE).waitFor();
    await wb.command(commandTitle('newClientKey'));
    await choose(HERE);
    await input.fill('laptop');
    await page.keyboard.press('Enter');
    await page.locator('.monaco-dialog-box', { hasText: 'never shown again' }).waitFor();
    await shot('accounts-client-key');
    await dialog('Copy key');
    await row('laptop').waitFor();
    clientKey = await clipboard();
    assert.match(clientKey, /^cnp_live_[\w-]{43}$/);
    assert.equal((await page.locator('body').innerText()).includes(clientKey), false);
  });
  await check('one that is not copied is revoked again', async () => {
    await wb.command(commandTitle('newClientKey'));
    await choose(HERE);
    await input.fill('forgotten');
    await page.keyboard.press('Enter');
    await page.locator('.monaco-dialog-box', { hasText: 'forgotten' }).waitFor();
    // Not Escape: it would reach the panel, too, and there it means going back.
    await dialog('Cancel');
    await wb.statusBar(/was not copied/);
    await row('laptop').waitFor();
    assert.equal(await row('forgotten').count(), 0);
  });

  await check('a log-in for another domain, its code pasted', async () => {
    await wb.command(commandTitle('logIn'));
    await choose('Another domain');
    await input.fill('team.example:8080');
    await page.locator('.quick-input-message', { hasText: /host name without port/ }).waitFor();
    await input.fill('team.example');
    await page.keyboard.press('Enter');
    // VS Code asks before it opens a page. Copied, nothing beyond this machine is asked for.
    await dialog('Copy');
    await page.locator('.quick-input-title', { hasText: 'Log in for team.example' }).waitFor();
    const url = await clipboard();
    assert.match(url, /^https:\/\/claude\.ai\/oauth\/authorize\?/);
    await input.fill('half-a-code');
    await page.keyboard.press('Enter');
    await page.locator('.quick-input-message', { hasText: /not the whole code/ }).waitFor();
    await shot('accounts-log-in');
    const state = new URL(url).searchParams.get('state') ?? '';
    await input.fill(`${tokens.authorize(url)}#${state}`);
    await page.keyboard.press('Enter');
    await row('team.example').waitFor();
    assert.match(await row('team.example').innerText(), /Log-in until/);
  });
  await check('a refused code is told in a sentence, with a way out', async () => {
    await wb.command(commandTitle('logIn'));
    await choose('team.example');
    await dialog('Copy');
    await page.locator('.quick-input-title', { hasText: 'Log in for team.example' }).waitFor();
    const state = new URL(await clipboard()).searchParams.get('state') ?? '';
    await input.fill(`made-up#${state}`);
    await page.keyboard.press('Enter');
    const toast = page.locator('.notification-toast', { hasText: /refused the code/ }).first();
    await toast.getByText('Log in…').waitFor();
    await shot('accounts-refused-code');
    await wb.command('Notifications: Clear All Notifications');
  });
  await check('a file that cannot be used is named, and opens at a click', async () => {
    writeFileSync(join(dataDir, 'credentials', 'broken.example.credentials.json'), '{ half', { mode: 0o600 });
    await row('broken.example').waitFor();
    assert.match(await row('broken.example').innerText(), /File cannot be used/);
    await row('broken.example').click();
    await page.locator('.editor-instance .monaco-editor', { hasText: '{ half' }).first().waitFor();
    await wb.command('View: Close Editor');
  });
  for (const { theme, picture } of LOOKS) {
    await check(`the view follows the theme ${theme}`, async () => {
      await wb.theme(theme);
      await row(HERE).hover();
      await shot(picture, '.part.sidebar');
    });
  }
  await check('the tooltip says what a credential is used for', async () => {
    await wb.theme('Dark Modern');
    await row('team.example').hover();
    await page
      .locator('.monaco-hover', { hasText: /renewed by itself/ })
      .first()
      .waitFor();
    await shot('accounts-tooltip');
    await page.mouse.move(700, 300);
  });

  await check('with another upstream the key stays here, and is asked for anew', async () => {
    const setMachine = (settings: Record<string, unknown>) => (): Promise<void> => {
      scene.server.setMachine(settings);
      return Promise.resolve();
    };
    const elsewhere = `http://127.0.0.1:${String(await freePort())}`;
    await startedAnew(setMachine({ 'claudeNexus.upstream': elsewhere }));
    await row('API key for another upstream').waitFor();
    const toast = page.locator('.notification-toast', { hasText: /upstream has changed/ }).first();
    await toast.getByText('Enter API key').waitFor();
    await shot('accounts-another-upstream');
    const { credentials } = await api<{ credentials: { domain: string }[] }>(scene, '/api/credentials');
    assert.equal(
      credentials.some(({ domain }) => domain === '127.0.0.1'),
      false,
    );
    await startedAnew(setMachine({}));
    await row(/Claude on this machine\s*API key$/).waitFor();
    await wb.command('Notifications: Clear All Notifications');
  });
  await check('a revoked client key is gone', async () => {
    await wb.command(commandTitle('revokeClientKey'));
    await choose('laptop');
    await dialog('Revoke');
    await row('laptop').waitFor({ state: 'detached' });
  });
  await check('a log-in is removed with its file', async () => {
    await wb.command(commandTitle('removeCredential'));
    await choose('team.example');
    await dialog('Delete file');
    await row('team.example').waitFor({ state: 'detached' });
    rmSync(join(dataDir, 'credentials', 'broken.example.credentials.json'));
    await row('broken.example').waitFor({ state: 'detached' });
  });
  await check('the API key is removed, and Claude uses its own log-in again', async () => {
    await wb.command(commandTitle('removeCredential'));
    await choose(HERE);
    await dialog('Remove API key');
    await pane.locator('.welcome-view-content', { hasText: /own log-in is passed through/ }).waitFor();
    assert.deepEqual(await spent(), [OWN]);
  });
  await check('no secret is in the logs', () => {
    const log = readFileSync(join(dataDir, 'logs', 'sidecar.log'), 'utf8');
    for (const secret of [KEY, clientKey, 'sk-ant-oat01', 'sk-ant-ort01']) {
      assert.equal(log.includes(secret), false);
    }
    return Promise.resolve();
  });
}

/** Whether another process owns the directory by now; between two of them none does. */
function hasOther(dataDir: string, pid: number): boolean {
  try {
    return runningSidecar(dataDir).pid !== pid;
  } catch {
    return false;
  }
}

const LOOKS = [
  { theme: 'Dark Modern', picture: 'accounts' },
  { theme: 'Light Modern', picture: 'accounts-light' },
  { theme: 'Dark High Contrast', picture: 'accounts-high-contrast' },
];
