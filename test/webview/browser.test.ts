import { afterAll, beforeAll, expect, it } from 'vitest';
import { listRows } from './support/list.ts';
import { Stage } from './support/panel.ts';
import { routesOf } from './support/routes.ts';
import { uploadTest } from './support/upload-test.ts';

const stage = new Stage();
beforeAll(() => stage.start());
afterAll(() => stage.stop());

const upload = uploadTest();
const { conversationId } = upload.detail.conversation;
const rows = listRows(8, Date.now()).map((row, index) => (index === 0 ? { ...row, conversationId } : row));
const routes = routesOf(
  () => [upload],
  () => rows,
);

it('runs in a browser tab with links, history and its own colours', async () => {
  const page = await stage.browse();
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  await page.route('**/api/**', async (route) => {
    const url = new URL(route.request().url());
    if (url.pathname === '/api/events') {
      await route.fulfill({
        contentType: 'text/event-stream',
        body: 'retry: 60000\n\nevent: resync\ndata: {"ids":[]}\n\n',
      });
      return;
    }
    const answer = await routes(url, { method: route.request().method(), body: null });
    await route.fulfill({ status: answer?.status ?? (answer ? 200 : 404), json: answer?.body ?? {} });
  });
  await page.goto(`${stage.origin}/ui/conversations`);
  await page.locator(`[data-conversation="${conversationId}"]`).click();
  await page.locator('.turn-body .message').first().waitFor();
  const address = (): URL => new URL(page.url());
  expect(address().searchParams.get('id')).toBe(conversationId);
  await page.keyboard.press('Home');
  await expect.poll(() => address().searchParams.get('turn')).toBe(upload.ids.get('ask'));
  await page.reload();
  await page.getByText('one time in ten').waitFor();
  expect(await page.title()).toBe('Fix the flaky upload test · Claude Nexus');
  await page.emulateMedia({ colorScheme: 'dark' });
  await expect
    .poll(() => page.evaluate(() => getComputedStyle(document.body).backgroundColor))
    .toBe('rgb(31, 31, 31)');
  await page.emulateMedia({ colorScheme: 'light' });
  await expect
    .poll(() => page.evaluate(() => getComputedStyle(document.body).backgroundColor))
    .toBe('rgb(255, 255, 255)');
  const [opened] = await Promise.all([
    page.context().waitForEvent('page'),
    page.getByRole('button', { name: 'Open request JSON' }).click(),
  ]);
  expect(opened.url()).toContain(`/api/requests/${upload.ids.get('ask')}/document?part=request`);
  // Files are downloaded by links, of which the menu has one for each format.
  await page.getByLabel('Export conversation').click();
  const links = await page
    .locator('.export-choices a')
    .evaluateAll((all) => all.map((a) => a.getAttribute('href')));
  expect(links).toEqual(
    ['own', 'all'].flatMap((redact) =>
      ['md', 'html', 'json'].map(
        (format) => `/api/conversations/${conversationId}/export?format=${format}&redact=${redact}`,
      ),
    ),
  );
  await page.keyboard.press('Escape');
  await expect.poll(() => page.locator('.export-choices').isVisible()).toBe(false);
  await page.goBack();
  await page.locator('.list-row[data-conversation]').first().waitFor();
  expect(faults).toEqual([]);
});
