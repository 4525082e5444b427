import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { darkModern, highContrastBlack, lightModern } from '../fixtures/webview/themes.ts';
import { Stage, type Panel, type Routes } from './support/panel.ts';
import { NOW, requestRoutes, requestRow, requestRows } from './support/requests.ts';

const stage = new Stage();
beforeAll(() => stage.start());
afterAll(() => stage.stop());

const open = (routes: Routes, more: object = {}): Promise<Panel> =>
  stage.open({ panel: 'requests', routes, now: NOW, ...more });
const usual = requestRoutes(() => requestRows(30));

// Pictures for people to look at, in test-results/webview.
it.each<[string, Routes, object]>([
  ['dark', usual, { theme: darkModern }],
  ['light', usual, { theme: lightModern }],
  ['high-contrast', usual, { theme: highContrastBlack }],
  ['narrow', usual, { size: { width: 300, height: 700 } }],
  // 200 % zoom: half the pixels.
  ['zoomed', usual, { size: { width: 640, height: 400 } }],
  ['empty', requestRoutes(() => []), {}],
  ['filtered', requestRoutes(() => []), { query: '?domain=team.example' }],
  ['huge', requestRoutes(() => requestRows(20_000)), {}],
  ['error', () => ({ status: 0, body: 'The sidecar does not answer.' }), {}],
  ['loading', () => new Promise(() => undefined), {}],
])('picture: %s', async (name, routes, more) => {
  const panel = await open(routes, more);
  await panel.page.locator('.request-rows .request-row, .notice, .request-skeleton').first().waitFor();
  if (name !== 'loading') await panel.page.locator('.request-rows .request-row, .notice').first().waitFor();
  if (['dark', 'light', 'high-contrast', 'narrow', 'zoomed'].includes(name)) {
    for (const key of ['j', 'j', ' ', 'j', ' ', 'j']) await panel.page.keyboard.press(key);
  }
  await panel.page.evaluate(() => document.fonts.ready.then(() => undefined));
  await panel.shot(`requests-${name}`);
  const overflow = await panel.page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
  expect([overflow, panel.faults]).toEqual([false, []]);
  await panel.close();
});

const first = (panel: Panel): Promise<string> =>
  panel.page.locator('.request-rows .request-row').first().getAttribute('data-request').then(String);

describe('the list', () => {
  it('opens turns in the conversation, metadata calls as documents', async () => {
    const panel = await open(usual);
    await panel.page.locator('.request-rows .request-row').first().waitFor();
    await panel.page.keyboard.press('j');
    await panel.page.keyboard.press('Enter');
    await panel.page.keyboard.press('j');
    await panel.page.keyboard.press('ArrowDown');
    await panel.page.keyboard.press('Enter');
    const [turn, side] = [requestRow(0), requestRow(2)];
    await expect
      .poll(() => panel.sent.filter(({ kind }) => kind !== 'title'))
      .toEqual([
        { kind: 'open', conversationId: turn.conversationId, requestId: turn.requestId },
        { kind: 'open-json', requestId: side.requestId, part: 'request' },
      ]);
    await panel.close();
  });

  it('compares two, or one with the turn before it, and exports', async () => {
    const panel = await open(usual);
    await panel.page.locator('.request-rows .request-row').first().waitFor();
    for (const key of ['j', 'c', ' ', 'j', 'j', 'j', ' ', 'c']) await panel.page.keyboard.press(key);
    await panel.page.getByRole('button', { name: 'Export request JSON…' }).click();
    const [newest, fourth] = [requestRow(0), requestRow(3)];
    await expect
      .poll(() => panel.sent.filter(({ kind }) => kind !== 'title'))
      .toEqual([
        { kind: 'compare', requestId: newest.requestId, withId: newest.parentRequestId },
        { kind: 'compare', requestId: fourth.requestId, withId: newest.requestId },
        { kind: 'export', what: { requestId: fourth.requestId } },
      ]);
    expect(await panel.page.locator('[aria-selected=true]').count()).toBe(2);
    await panel.page.keyboard.press('Escape');
    await expect.poll(() => panel.page.locator('[aria-selected=true]').count()).toBe(0);
    await panel.close();
  });

  it('draws what can be seen of many, and asks for pages on the way down', async () => {
    const panel = await open(requestRoutes(() => requestRows(1000)));
    const rows = panel.page.locator('.request-rows .request-row');
    await rows.first().waitFor();
    expect(await rows.count()).toBeLessThan(80);
    const pages = (): number => panel.fetched.filter((path) => path.startsWith('/api/requests?')).length;
    expect(pages()).toBe(1);
    await expect
      .poll(
        async () => {
          await panel.page.keyboard.press('End');
          return panel.page.locator('[role=grid]').getAttribute('aria-rowcount');
        },
        { timeout: 20_000 },
      )
      .toBe('1001');
    expect(pages()).toBe(10);
    await panel.page.keyboard.press('End');
    await panel.page.locator(`[data-request="${requestRow(999).requestId}"].active`).waitFor();
    expect(await rows.count()).toBeLessThan(80);
    await panel.page.keyboard.press('Home');
    await expect.poll(() => first(panel)).toBe(requestRow(0).requestId);
    await panel.close();
  });

  it('is live, and whoever reads further down keeps their place', async () => {
    let rows = requestRows(60);
    const panel = await open(requestRoutes(() => rows));
    await panel.page.locator('.request-rows .request-row').first().waitFor();
    const fresh = (number: number): void => {
      const timestamp = new Date(NOW + number * 1000).toISOString();
      rows = [requestRow(-number, { timestamp, preview: `fresh ${number}` }), ...rows];
    };
    fresh(1);
    await panel.event({ name: 'exchange.started', ids: [rows[0]!.requestId] });
    await panel.page.getByText('fresh 1').waitFor();
    for (let n = 0; n < 40; n++) await panel.page.keyboard.press('j');
    const place = (): Promise<number> =>
      panel.page
        .locator('.request-row.active')
        .evaluate((row) => Math.round(row.getBoundingClientRect().top));
    const before = await place();
    fresh(2);
    await panel.event({ name: 'exchange.recorded', ids: [rows[0]!.requestId] });
    await expect.poll(() => panel.page.locator('[role=grid]').getAttribute('aria-rowcount')).toBe('63');
    await expect.poll(place).toBe(before);
    await panel.close();
  });

  it('has filters, deep links and help', async () => {
    const panel = await open(usual, { query: '?type=query_evaluation&domain=127.0.0.1:4517&nonsense=1' });
    const { page } = panel;
    await expect.poll(() => page.locator('.request-rows .request-row').count()).toBe(6);
    expect(panel.fetched.at(-1)).toContain('type=query_evaluation');
    expect(panel.fetched.at(-1)).not.toContain('nonsense');
    await page.getByRole('button', { name: 'Clear filters' }).click();
    await expect.poll(() => page.locator('.request-rows .request-row').count()).toBeGreaterThan(6);
    await page.locator('.day-field input').first().fill('2026-11-23');
    await expect.poll(() => panel.fetched.at(-1)).toContain('dateFrom=2026-11-23T00%3A00%3A00.000Z');
    await page.locator('.requests-scroll').focus();
    await page.keyboard.press('f');
    await expect.poll(() => page.locator('.request-filters').count()).toBe(0);
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
    expect(panel.faults).toEqual([]);
    await panel.close();
  });

  it('says that nothing matches, or that it failed, and goes on', async () => {
    let broken = true;
    const panel = await open((url, request) =>
      broken ? { status: 0, body: 'The sidecar does not answer.' } : usual(url, request),
    );
    await panel.page.getByText('The requests could not be loaded').waitFor();
    broken = false;
    await panel.page.getByRole('button', { name: 'Try again' }).click();
    await panel.page.locator('.request-rows .request-row').first().waitFor();
    await panel.close();
    const none = await open(
      requestRoutes(() => requestRows(5)),
      { query: '?domain=nowhere' },
    );
    await none.page.getByText('No request matches').waitFor();
    await none.page.locator('.notice').getByRole('button', { name: 'Clear filters' }).click();
    await none.page.locator('.request-rows .request-row').first().waitFor();
    await none.close();
  });
});

it('runs in a browser tab, with files to download', async () => {
  const page = await stage.browse();
  const asked: string[] = [];
  await page.route('**/api/**', async (route) => {
    const url = new URL(route.request().url());
    if (url.pathname === '/api/events') {
      await route.fulfill({ contentType: 'text/event-stream', body: 'retry: 60000\n\n' });
      return;
    }
    asked.push(url.search);
    const answer = await usual(url, { method: 'GET', body: null });
    await route.fulfill({
      json: answer?.body ?? { conversations: [], pagination: { limit: 50, nextCursor: null } },
    });
  });
  await page.goto(`${stage.origin}/ui/requests?domain=127.0.0.1:4517`);
  await page.locator('.request-rows .request-row').first().click();
  expect(asked[0]).toContain('domain=127.0.0.1');
  await page.getByLabel('Export request JSON').click();
  const links = await page
    .locator('.export-choices a')
    .evaluateAll((all) => all.map((a) => a.getAttribute('href')));
  const path = `/api/requests/${requestRow(0).requestId}/export`;
  expect(links).toEqual([`${path}?redact=own`, `${path}?redact=all`]);
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Conversations', exact: true }).click();
  await page.getByRole('button', { name: 'Requests', exact: true }).click();
  await page.getByRole('heading', { name: 'Requests', exact: true }).waitFor();
});
