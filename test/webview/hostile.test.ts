import type { Locator } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Stage, type Panel } from './support/panel.ts';
import { routesOf } from './support/routes.ts';
import { hostile } from './support/hostile-conversation.ts';

const stage = new Stage();
let panel: Panel;

beforeAll(async () => {
  await stage.start();
  panel = await stage.open({
    routes: routesOf(() => [hostile]),
    target: { conversationId: hostile.detail.conversation.conversationId, requestId: null },
  });
  await panel.page.locator('.message.assistant').waitFor();
  const openAll = async (what: Locator): Promise<void> => {
    while ((await what.count()) > 0) await what.first().click();
  };
  await openAll(panel.page.getByRole('button', { name: /Show more/ }));
  await openAll(panel.page.locator('.turn-body .disclosure[aria-expanded=false]'));
});
afterAll(() => stage.stop());

it('runs nothing, loads nothing, breaks nothing', async () => {
  expect(await panel.page.evaluate(() => (window as unknown as { pwned?: number }).pwned)).toBeUndefined();
  expect(panel.faults).toEqual([]);
  expect(await panel.page.locator('.turn-body').isVisible()).toBe(true);
});

it('makes no element that traffic asked for', async () => {
  const found = await panel.page.locator('.turn-body').evaluate((body) => {
    const forbidden = [
      ...body.querySelectorAll(
        'script, iframe, object, embed, form, style, svg, link, meta, base, video, [style]:not(.tree-row)',
      ),
    ].map((element) => element.outerHTML.slice(0, 80));
    const handlers = [...body.querySelectorAll('*')]
      .flatMap((element) => element.getAttributeNames())
      .filter((name) => name.startsWith('on'));
    const images = [...body.querySelectorAll('img')].map((image) => image.src.slice(0, 15));
    const links = [...new Set([...body.querySelectorAll('a')].map((link) => link.getAttribute('href')))];
    return { forbidden, handlers, images, links };
  });
  expect(found).toEqual({
    forbidden: [],
    handlers: [],
    images: ['data:image/png;'],
    links: ['https://example.com/a?b=1', 'https://evil.example/pixel.png'],
  });
});

it('shows what was said: tags, hidden characters, control sequences', async () => {
  const text = await panel.page.locator('.turn-body').innerText();
  expect(text).toContain('<script>window.pwned = 1</script>');
  expect(text).toContain('<command-name>/compact</command-name>');
  expect(text).toContain('invoice⟨U+202E⟩gpj.exe and pass⟨U+200B⟩word');
  expect(text).toContain('␛]0;title␇');
  expect(await panel.page.locator('.conversation-title h1').innerText()).toBe(
    '<img src=x onerror=alert(1)>⟨U+202E⟩',
  );
  expect(await panel.page.locator('.turn-label').first().innerText()).toBe(
    '<script>window.pwned = 1</script>⟨U+202E⟩',
  );
});

it('opens web links through the host and nowhere else', async () => {
  await panel.page.locator('.turn-body a', { hasText: 'ok' }).first().click();
  await expect.poll(() => panel.sent.at(-1)).toEqual({ kind: 'open-link', url: 'https://example.com/a?b=1' });
  await panel.page.locator('.dead-link', { hasText: 'run' }).first().click();
  expect(panel.sent.filter((message) => message.kind === 'open-link')).toHaveLength(1);
  expect(panel.page.url()).toBe(`${stage.origin}/panel`);
});
