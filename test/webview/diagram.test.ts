import { afterAll, beforeAll, expect, it } from 'vitest';
import { Stage } from './support/panel.ts';
import { routesOf } from './support/routes.ts';
import { scriptConversation } from './support/scripted-conversation.ts';

const stage = new Stage();
beforeAll(() => stage.start());
afterAll(() => stage.stop());

const drawn = scriptConversation(
  'Diagrams',
  [
    {
      name: 'draw',
      preview: 'draw it',
      says: [{ role: 'user', content: 'draw it' }],
      reply: [
        {
          type: 'text',
          text: 'Here:\n\n```mermaid\ngraph LR\n  A[client] --> B[proxy]\n  click A "javascript:window.pwned=1"\n```',
        },
        { type: 'text', text: '```mermaid\nthis is no diagram\n```' },
      ],
    },
  ],
  4,
);

it('draws mermaid blocks as images, and leaves what is no diagram', async () => {
  const target = { conversationId: drawn.detail.conversation.conversationId, requestId: null };
  const panel = await stage.open({ routes: routesOf(() => [drawn]), target, inlineStyles: true });
  await panel.page.locator('img.diagram').waitFor();
  const size = await panel.page.locator('img.diagram').evaluate(async (image: HTMLImageElement) => {
    await image.decode();
    return image.naturalWidth;
  });
  expect(size).toBeGreaterThan(60);
  expect(await panel.page.locator('pre[title^="Not a diagram"]').innerText()).toBe('this is no diagram');
  expect(await panel.page.evaluate(() => (window as unknown as { pwned?: number }).pwned)).toBeUndefined();
  await panel.shot('diagram');
  expect(panel.faults).toEqual([]);
});
