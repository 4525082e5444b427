import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { listRows } from './support/list.ts';
import { Stage, type Panel, type Routes } from './support/panel.ts';
import { routesOf } from './support/routes.ts';
import { uploadTest } from './support/upload-test.ts';

const stage = new Stage();
let panel: Panel;
beforeAll(() => stage.start());
afterAll(() => stage.stop());
afterEach(async () => {
  expect(panel.faults).toEqual([]);
  await panel.close();
});

const now = Date.UTC(2026, 10, 23, 12);
const rows = panel120();

function panel120(): ReturnType<typeof listRows> {
  return listRows(120, now);
}

async function open(routes: Routes): Promise<void> {
  panel = await stage.open({ routes, now });
  await panel.page.locator('.list-row[data-conversation], .notice').first().waitFor();
}

const titles = (): Promise<string[]> =>
  panel.page.locator('.list-row[data-conversation] .list-title').allInnerTexts();

it('groups by day and shows what one recognises a conversation by', async () => {
  await open(
    routesOf(
      () => [],
      () => rows,
    ),
  );
  expect((await panel.page.locator('.list-day').allInnerTexts()).slice(0, 3)).toEqual([
    'Today',
    'Yesterday',
    'Friday',
  ]);
  const first = panel.page.locator('.list-row[data-conversation]').first();
  expect((await first.innerText()).split('\n').filter((part) => part.trim() !== '')).toEqual([
    'Fix the flaky upload test',
    '3',
    '2',
    '1',
    '2',
    'upload-service',
    'opus-5-5',
    '62.4k',
    '84.2k',
    '19',
    '$0.84',
    'now',
  ]);
  expect(await first.locator('.live-dot').getAttribute('aria-label')).toBe('Running');
});

it('loads further pages while one scrolls', async () => {
  await open(
    routesOf(
      () => [],
      () => rows,
    ),
  );
  expect(await titles()).toHaveLength(50);
  const end = async (): Promise<number> => {
    await panel.page.locator('.list-scroll').evaluate((list) => (list.scrollTop = list.scrollHeight));
    return (await titles()).length;
  };
  await expect.poll(end).toBe(120);
  expect(
    new Set(await panel.page.locator('[data-conversation]').evaluateAll((all) => all.map((row) => row.id)))
      .size,
  ).toBe(120);
});

it('searches, filters, and says when nothing is left', async () => {
  await open(
    routesOf(
      () => [],
      () => rows,
    ),
  );
  await panel.page.keyboard.press('/');
  await panel.page.keyboard.type('changelog');
  await expect.poll(titles).toContain('Write the changelog for 4.2');
  await expect.poll(async () => (await titles()).every((title) => title.includes('changelog'))).toBe(true);
  await panel.page.keyboard.type(' nowhere');
  await panel.page.getByText('No conversation matches').waitFor();
  await panel.page.getByText('Clear search and filters').click();
  await expect.poll(async () => (await titles()).length).toBe(50);
  await panel.page.locator('.list-scroll').click();
  await panel.page.keyboard.press('f');
  await panel.page.getByRole('combobox', { name: 'State' }).click();
  await panel.page.locator('vscode-option', { hasText: 'Failed' }).click();
  await expect
    .poll(async () => new Set((await titles()).map((title) => title.replace(/ \(\d+\)/, ''))))
    .toEqual(new Set(['Explain the retry policy']));
});

it('opens a conversation by keyboard and comes back', async () => {
  const upload = uploadTest();
  await open(
    routesOf(
      () => [upload],
      () => rows,
    ),
  );
  await panel.page.keyboard.press('j');
  await panel.page.keyboard.press('Enter');
  await panel.page.getByRole('tree').waitFor();
  await panel.page.getByRole('button', { name: 'All conversations (Esc)' }).click();
  await expect.poll(async () => (await titles()).length).toBe(50);
});

it('says what to do when it is empty', async () => {
  await open(routesOf(() => []));
  expect(await panel.page.locator('.notice').innerText()).toContain('Type claude in the integrated terminal');
});

it('says what is wrong, and tries again', async () => {
  await open(() => ({ status: 0, body: 'The sidecar is not running.' }));
  expect(await panel.page.locator('.notice').innerText()).toContain('The sidecar is not running.');
  panel.routes = routesOf(
    () => [],
    () => rows,
  );
  await panel.page.getByText('Try again').click();
  await expect.poll(async () => (await titles()).length).toBe(50);
});

it('shows a problem of the sidecar in its own words', async () => {
  const problem = {
    type: 'about:blank',
    title: 'Database away',
    status: 503,
    detail: 'The database cannot be reached.',
    code: 'database_unavailable',
  };
  await open(() => ({ status: 503, body: problem }));
  expect(await panel.page.locator('.notice').innerText()).toContain('The database cannot be reached.');
});

it('says that a conversation is not there', async () => {
  panel = await stage.open({
    routes: () => undefined,
    target: { conversationId: rows[0]?.conversationId ?? '', requestId: null },
  });
  await panel.page.getByText('This conversation is not in the store').waitFor();
});

it('tells when the sidecar is down and offers to restart it', async () => {
  await open(
    routesOf(
      () => [],
      () => rows,
    ),
  );
  await panel.send({ kind: 'connection', state: 'down', detail: 'The sidecar stopped: port 4517 is taken.' });
  await panel.page.getByText('port 4517 is taken').waitFor();
  await panel.page.getByText('Restart sidecar').click();
  await expect.poll(() => panel.sent.at(-1)).toEqual({ kind: 'restart-sidecar' });
  await panel.send({ kind: 'connection', state: 'connected', detail: null });
  await expect.poll(() => panel.page.locator('.banner').count()).toBe(0);
});
