import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { darkModern, highContrastBlack, lightModern } from '../fixtures/webview/themes.ts';
import { Stage, type Panel, type Routes } from './support/panel.ts';
import { emptyReport, hugeReport, NOW, storageReport, storageRoutes } from './support/storage.ts';

const stage = new Stage();
beforeAll(() => stage.start());
afterAll(() => stage.stop());

const open = (routes: Routes, more: object = {}): Promise<Panel> =>
  stage.open({ panel: 'storage', routes, now: NOW, ...more });
const usual = storageRoutes(() => storageReport());

// Pictures for people to look at, in test-results/webview.
it.each<[string, Routes, object]>([
  ['dark', usual, { theme: darkModern }],
  ['light', usual, { theme: lightModern }],
  ['high-contrast', usual, { theme: highContrastBlack }],
  ['narrow', usual, { size: { width: 420, height: 900 } }],
  ['empty', storageRoutes(() => emptyReport), {}],
  ['huge', storageRoutes(() => hugeReport), { size: { width: 1280, height: 1300 } }],
  ['live', storageRoutes(() => storageReport(0.02), { storage: 'live' }), {}],
  ['error', () => ({ status: 0, body: 'The sidecar does not answer.' }), {}],
])('picture: %s', async (name, routes, more) => {
  const panel = await open(routes, more);
  await panel.page.locator('.storage-section table, .notice').first().waitFor();
  await panel.page.evaluate(() => document.fonts.ready.then(() => undefined));
  await panel.shot(`storage-${name}`);
  const overflow = await panel.page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
  expect([overflow, panel.faults]).toEqual([false, []]);
  await panel.close();
});

describe('the figures', () => {
  it('are in words, with units and exact values', async () => {
    const panel = await open(usual);
    const { page } = panel;
    await page.getByRole('heading', { name: 'Storage' }).waitFor();
    const summary = page.locator('.storage-summary');
    await expect
      .poll(() => summary.innerText())
      .toContain('45.2 MB on disk · 12.4k requests · 3.6 KB per request');
    const messages = page.getByRole('row', { name: /^Messages/ });
    expect(await messages.innerText()).toMatch(/17\.3 MB\s+38\.1k/);
    expect(await messages.getByRole('cell').nth(1).getAttribute('title')).toBe('17,300,000 bytes');
    // Growth can be read without seeing it, or as a table.
    expect(await page.getByRole('img', { name: /Stored per day, 30 days/ }).count()).toBe(1);
    await page.getByText('As a table').click();
    expect(await page.getByRole('rowheader', { name: '2026-11-23' }).isVisible()).toBe(true);
    await panel.close();
  });

  it('say what live mode is', async () => {
    const panel = await open(storageRoutes(() => storageReport(0.02), { storage: 'live' }));
    await panel.page.getByText('nothing is written to disk').waitFor();
    expect(await panel.page.locator('.storage-summary').innerText()).toContain('in memory');
    await panel.close();
  });

  it('stay when a refresh fails, and come back with the next', async () => {
    const panel = await open(usual);
    await panel.page.getByText('45.2 MB').first().waitFor();
    panel.routes = () => ({ status: 0, body: 'The sidecar does not answer.' });
    await panel.page.keyboard.press('r');
    await panel.page.getByText('These figures are not new: The sidecar does not answer.').waitFor();
    panel.routes = storageRoutes(() => storageReport(2));
    await panel.page.getByRole('button', { name: 'Refresh' }).click();
    await panel.page.getByText('90.4 MB').first().waitFor();
    expect(await panel.page.getByText('not new').count()).toBe(0);
    await panel.close();
  });

  it('can be tried again after a failure', async () => {
    const panel = await open(() => ({ status: 503, body: {} }));
    panel.routes = usual;
    await panel.page.getByRole('button', { name: 'Try again' }).click();
    await panel.page.getByText('45.2 MB').first().waitFor();
    await panel.close();
  });

  it('are new after a conversation was deleted elsewhere', async () => {
    let report = storageReport();
    const panel = await open(storageRoutes(() => report));
    await panel.page.getByText('45.2 MB').first().waitFor();
    report = storageReport(0.5);
    await panel.event({ name: 'conversation.deleted', ids: ['1'] });
    await panel.page.getByText('22.6 MB').first().waitFor();
    await panel.close();
  });
});

describe('making room', () => {
  it('vacuums, and says what came of it', async () => {
    const panel = await open(usual);
    await panel.page.getByRole('button', { name: 'Vacuum' }).click();
    await panel.page.getByRole('status').getByText('5 MB given back').waitFor();
    await panel.close();
  });

  it('shows what would go before it asks, and deletes nothing until then', async () => {
    const asked: unknown[] = [];
    const panel = await open((url, request) => {
      if (url.pathname === '/api/storage/prune') asked.push(request.body);
      return usual(url, request);
    });
    const { page } = panel;
    await page.getByRole('button', { name: 'Delete old conversations…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Delete old conversations' });
    await dialog.getByRole('textbox', { name: 'Untouched for (days)' }).fill('30');
    await page.keyboard.press('Enter');
    await dialog
      .getByText('12 conversations with 340 requests, about 4.5 MB, would be deleted for good')
      .waitFor();
    expect(asked).toEqual([{ olderThanDays: 30, maxBytes: 0, dryRun: true }]);
    await panel.shot('storage-prune');
    // The safe answer has the focus.
    expect(await page.evaluate(() => document.activeElement?.textContent)).toContain('Back');
    await dialog.getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('status').getByText('Deleted 12 conversations with 340 requests').waitFor();
    expect(asked.at(-1)).toEqual({ olderThanDays: 30, maxBytes: 0, dryRun: false });
    expect(await dialog.count()).toBe(0);
    expect(panel.faults).toEqual([]);
    await panel.close();
  });

  it('refuses what is no number, and closes with Escape', async () => {
    const panel = await open(usual);
    const { page } = panel;
    await page.getByRole('button', { name: 'Delete old conversations…' }).click();
    const dialog = page.getByRole('dialog');
    await panel.shot('storage-choose');
    await dialog.getByRole('textbox', { name: 'Untouched for (days)' }).fill('soon');
    await dialog.getByRole('button', { name: 'Show what would go' }).click();
    await dialog.getByRole('alert').getByText('Enter a number').waitFor();
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    expect(panel.fetched.filter((path) => path.includes('prune'))).toEqual([]);
    await panel.close();
  });

  it('has nothing to ask when nothing would go', async () => {
    const none = { conversations: 0, exchanges: 0, blocks: 0, bytes: 0 };
    const panel = await open(storageRoutes(() => storageReport(), { prune: none }));
    await panel.page.getByRole('button', { name: 'Delete old conversations…' }).click();
    await panel.page.getByRole('button', { name: 'Show what would go' }).click();
    await panel.page.getByText('nothing would be deleted').waitFor();
    expect(await panel.page.getByRole('button', { name: 'Delete', exact: true }).count()).toBe(0);
    await panel.close();
  });
});

it('runs in a browser tab, a step from the conversations', async () => {
  const page = await stage.browse();
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  await page.route('**/api/**', async (route) => {
    const url = new URL(route.request().url());
    if (url.pathname === '/api/events') {
      await route.fulfill({ contentType: 'text/event-stream', body: 'retry: 60000\n\n' });
      return;
    }
    const answer = await usual(url, { method: route.request().method(), body: null });
    const empty = { conversations: [], pagination: { limit: 50, nextCursor: null } };
    await route.fulfill({ json: answer?.body ?? empty });
  });
  await page.goto(`${stage.origin}/ui/conversations`);
  await page.getByRole('button', { name: 'Storage' }).click();
  await page.getByText('45.2 MB').first().waitFor();
  expect(await page.title()).toBe('Storage · Claude Nexus');
  await page.getByRole('button', { name: 'Conversations', exact: true }).click();
  await page.getByRole('heading', { name: 'Conversations', exact: true }).waitFor();
  expect(faults).toEqual([]);
});
