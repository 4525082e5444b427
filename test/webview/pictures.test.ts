import { afterAll, beforeAll, expect, it } from 'vitest';
import { darkModern, highContrastBlack, lightModern } from '../fixtures/webview/themes.ts';
import { listRows } from './support/list.ts';
import { Stage } from './support/panel.ts';
import { routesOf } from './support/routes.ts';
import { longConversation, uploadTest } from './support/upload-test.ts';

// Pictures for people to look at, in test-results/webview; a picture fails only when the page has faults.
const stage = new Stage();
beforeAll(() => stage.start());
afterAll(() => stage.stop());

const now = Date.UTC(2026, 10, 23, 12);
const upload = uploadTest();
const long = longConversation(2000);
const routes = routesOf(
  () => [upload, long],
  () => listRows(120, now),
);
const at = (name: string) => ({
  conversationId: upload.detail.conversation.conversationId,
  requestId: upload.ids.get(name) ?? null,
});
const narrow = { width: 520, height: 860 };

it.each([
  ['list-dark', {}],
  ['list-light', { theme: lightModern }],
  ['list-high-contrast', { theme: highContrastBlack }],
  ['list-narrow', { size: narrow }],
  ['list-empty', { routes: routesOf(() => []) }],
  ['tree-dark', { target: at('agents'), theme: darkModern }],
  ['tree-light', { target: at('agents'), theme: lightModern }],
  ['tree-high-contrast', { target: at('agents'), theme: highContrastBlack }],
  ['tree-narrow', { target: at('agents'), size: narrow }],
  ['turn-place', { target: at('agents'), click: 'Why here' }],
  ['turn-error', { target: at('other2') }],
  ['huge', { target: { conversationId: long.detail.conversation.conversationId, requestId: null } }],
])('%s', async (name, options) => {
  const { click, ...look } = { click: null, ...options };
  const panel = await stage.open({ routes, now, ...look });
  await panel.page.locator('.list-row[data-conversation], .turn-body .message, .notice').first().waitFor();
  if (click !== null) await panel.page.getByRole('button', { name: click }).click();
  await panel.page.evaluate(() => document.fonts.ready.then(() => undefined));
  await panel.shot(name);
  expect(panel.faults).toEqual([]);
  await panel.close();
});
