import type { Locator } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Stage, type Panel } from './support/panel.ts';
import { routesOf } from './support/routes.ts';
import { scriptConversation } from './support/scripted-conversation.ts';

const stage = new Stage();
let panel: Panel;

const ATTACKS = [
  '<script>window.pwned = 1</script>',
  '<img src=x onerror="window.pwned = 1">',
  '<svg onload="window.pwned = 1"><foreignObject><iframe src="javascript:window.pwned=1"></iframe></foreignObject></svg>',
  '<style>body { display: none }</style><form action="https://evil.example"><input name="a"><button>go</button></form>',
  '[run](javascript:window.pwned=1) [data](data:text/html,x) [file](file:///etc/passwd) [ok](https://example.com/a?b=1)',
  '![beacon](https://evil.example/pixel.png)',
  '<a href="https://evil.example" onclick="window.pwned=1">raw</a>',
  '<iframe srcdoc="<script>parent.pwned=1</script>"></iframe><object data="x"></object><meta http-equiv="refresh" content="0;url=https://evil.example">',
  '```html\n<img src=x onerror="window.pwned = 1">\n```',
  '`<b onmouseover=alert(1)>`',
  'invoice\u202egpj.exe and pass\u200bword',
  '<command-name>/compact</command-name>',
].join('\n\n');

const SVG = btoa('<svg xmlns="http://www.w3.org/2000/svg" onload="window.pwned=1"/>');
const PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const hostile = scriptConversation(
  '<img src=x onerror=alert(1)>\u202e',
  [
    {
      name: 'attack',
      preview: '<script>window.pwned = 1</script>\u202e',
      says: [
        {
          role: 'user',
          content: [
            { type: 'text', text: ATTACKS },
            { type: 'image', source: { type: 'base64', media_type: 'image/png', data: SVG } },
            { type: 'image', source: { type: 'base64', media_type: 'image/svg+xml', data: PNG } },
            { type: 'image', source: { type: 'url', url: 'https://evil.example/x.png' } },
          ],
        },
      ],
      reply: [
        { type: 'text', text: ATTACKS },
        {
          type: 'tool_use',
          id: 'toolu_<x>',
          name: 'Bash"><img src=x onerror=alert(1)>',
          input: { command: '<script>1</script>' },
        },
        {
          type: 'tool_use',
          id: 'toolu_b',
          name: 'Bash',
          input: { command: 'printf "\u001b]0;title\u0007"' },
        },
        { type: '<b>new</b>', payload: '<img src=x onerror=alert(1)>' },
      ],
      row: { error: '<img src=x onerror=alert(1)>' },
    },
  ],
  3,
);

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
