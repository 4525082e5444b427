import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import type { SearchHit } from '../../src/protocol/search.ts';
import { darkModern, highContrastBlack, lightModern } from '../fixtures/webview/themes.ts';
import { retryHits } from './support/hits.ts';
import { listRows } from './support/list.ts';
import { Stage, type Answer, type Panel } from './support/panel.ts';
import { hitsPage, routesOf } from './support/routes.ts';
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
const rows = listRows(120, now);
const upload = uploadTest();
const hits = retryHits(upload, rows, now);

/** Types into the search field of the list. */
async function search(
  words: string,
  answer: (url: URL) => Answer | Promise<Answer>,
  look: Partial<Parameters<Stage['open']>[0]> = {},
): Promise<void> {
  const routes = routesOf(
    () => [upload],
    () => rows,
  );
  panel = await stage.open({
    now,
    ...look,
    routes: (url, request) => (url.pathname === '/api/search' ? answer(url) : routes(url, request)),
  });
  await panel.page.locator('.list-row[data-conversation]').first().waitFor();
  await panel.page.keyboard.press('/');
  await panel.page.keyboard.type(words);
}

const texts = (selector: string): Promise<string[]> => panel.page.locator(selector).allInnerTexts();
const end = (): Promise<string> => panel.page.locator('.hits-end').innerText();

it('shows what was found in messages by conversation, as text, and where', async () => {
  await search('test', () => ({ body: hitsPage(hits) }));
  await panel.page.locator('.hit-snippet').first().waitFor();
  expect(await texts('.hit-title')).toEqual([
    expect.stringContaining('Fix the flaky upload test'),
    expect.stringContaining('Explain the retry policy'),
  ]);
  expect(await texts('.hit-kind')).toEqual(['Thinking', 'You', 'Tool call', 'Tool result']);
  expect(await texts('.hit-age')).toEqual(['4 min', '5 min', '1 d', '1 d']);
  expect(await texts('.hit mark')).toEqual(['retry', 'retry', 'retry', 'retry', 're⟨U+202E⟩try']);
  expect((await texts('.hit-snippet'))[3]).toContain('<img src=x onerror="window.pwned = 1">');
  expect((await texts('.hit-snippet'))[3]).toContain('pass⟨U+200B⟩word');
  expect(await panel.page.locator('.hit img').count()).toBe(0);
  // Titles that match stand before them, five at first.
  expect(await panel.page.locator('.list-row[data-conversation]').count()).toBe(5);
  await panel.page.getByRole('button', { name: /^Show all .* whose title matches/ }).click();
  expect(await panel.page.locator('.list-row[data-conversation]').count()).toBeGreaterThan(5);
});

it('opens the conversation at that turn, by keys', async () => {
  await search('retry hides', () => ({ body: hitsPage(hits.slice(0, 2)) }));
  await panel.page.locator('.hit-snippet').first().waitFor();
  await panel.page.keyboard.press('ArrowDown');
  await panel.page.keyboard.press('ArrowDown');
  expect(await panel.page.locator('.hit.active').getAttribute('id')).toBe(`hit-${hits[1]!.requestId}`);
  expect(await panel.page.locator('[role=listbox]').getAttribute('aria-activedescendant')).toBe(
    `hit-${hits[1]!.requestId}`,
  );
  await panel.page.keyboard.press('Enter');
  await panel.page.getByRole('tree').waitFor();
  const chosen = panel.page.locator('[role=treeitem][aria-selected=true]');
  await chosen.waitFor();
  expect(await chosen.innerText()).toContain('fix the flaky upload test');
});

it('opens a turn by a click', async () => {
  await search('retry', () => ({ body: hitsPage(hits) }));
  await panel.page.locator('.hit').first().click();
  await panel.page.getByRole('tree').waitFor();
});

it('says that nothing has it, and asks no more when the field is empty', async () => {
  await search('zzz', () => ({ body: hitsPage([]) }));
  await panel.page.getByText('No conversation matches').waitFor();
  await panel.page.getByText('Clear search and filters').click();
  await expect.poll(() => panel.page.locator('.list-row[data-conversation]').count()).toBe(50);
  expect(await panel.page.locator('.hits').count()).toBe(0);
});

it('says so where only a title matches', async () => {
  await search('changelog', () => ({ body: hitsPage([]) }));
  await expect.poll(end).toBe('No message has all of these words.');
});

it('goes further back when asked, and says how far it is', async () => {
  const pages: Record<string, { part: SearchHit[]; next: string | null }> = {
    '': { part: hits.slice(0, 2), next: 'two' },
    two: { part: [], next: 'three' },
    three: { part: hits.slice(2), next: null },
  };
  await search('retry', (url) => {
    const { part, next } = pages[url.searchParams.get('cursor') ?? '']!;
    return { body: hitsPage(part, { pagination: { limit: 20, nextCursor: next }, waiting: 1204 }) };
  });
  await expect.poll(end).toContain('The newest 2 are shown.');
  expect(await end()).toContain('1.2k turns not searched yet');
  await panel.page.getByText('Search further back').click();
  await panel.page.getByText('Search further back').click();
  await expect.poll(() => panel.page.locator('.hit').count()).toBe(4);
  await expect.poll(end).not.toContain('Search further back');
});

it('shows a failure and tries again; what cannot be searched is a hint', async () => {
  let answer: Answer = { status: 503, body: problem(503, 'The database cannot be reached.') };
  await search('retry', () => answer);
  await expect.poll(end).toContain('The database cannot be reached.');
  answer = {
    status: 400,
    body: problem(400, 'This cannot be searched: there is no word in it, only signs.'),
  };
  await panel.page.locator('.hits-end').getByText('Try again').click();
  await expect.poll(end).toBe('This cannot be searched: there is no word in it, only signs.');
});

it('shows bars while it searches', async () => {
  const answered = Promise.withResolvers<Answer>();
  await search('retry', () => answered.promise);
  await panel.page.getByRole('status', { name: 'Searching messages' }).waitFor();
  await panel.shot('search-loading');
  answered.resolve({ body: hitsPage(hits) });
  await panel.page.locator('.hit mark').first().waitFor();
});

it.each([
  ['search-dark', { theme: darkModern }],
  ['search-light', { theme: lightModern }],
  ['search-high-contrast', { theme: highContrastBlack }],
  ['search-narrow', { size: { width: 400, height: 800 } }],
])('%s', async (name, look) => {
  await search(
    'retry',
    () => ({ body: hitsPage(hits, { pagination: { limit: 20, nextCursor: 'more' } }) }),
    look,
  );
  await panel.page.locator('.hit mark').first().waitFor();
  await panel.page.keyboard.press('ArrowDown');
  for (let n = 0; n < 5; n++) await panel.page.keyboard.press('ArrowDown');
  await panel.page.evaluate(() => document.fonts.ready.then(() => undefined));
  await panel.shot(name);
});

const problem = (status: number, detail: string) => ({
  type: 'about:blank',
  title: 'No',
  status,
  detail,
  code: 'internal',
});
