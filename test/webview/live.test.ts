import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { listRows } from './support/list.ts';
import { Stage, type Panel } from './support/panel.ts';
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

let shown = uploadTest();
const conversationId = shown.detail.conversation.conversationId;
const routes = routesOf(() => [shown]);

/** Opens the conversation as it was after the turn `upTo`, on the turn `at`. */
async function open(upTo: string, at: string | null): Promise<void> {
  shown = uploadTest(upTo);
  panel = await stage.open({
    routes,
    target: { conversationId, requestId: at === null ? null : (shown.ids.get(at) ?? null) },
  });
  await panel.page.locator('.turn-body .message').first().waitFor();
}

async function grow(upTo: string): Promise<void> {
  shown = uploadTest(upTo);
  await panel.event({ name: 'conversation.changed', ids: [conversationId] });
}

const chosen = (): Promise<string | null> =>
  panel.page.locator('[role=treeitem][aria-selected=true]').getAttribute('aria-label');

it('follows the tail when the last turn is watched', async () => {
  await open('test', null);
  expect(await chosen()).toMatch(/^Turn 4,/);
  await grow('go');
  await expect.poll(chosen).toMatch(/^Turn 5, main, go on/);
  await panel.page.getByText('now ignores log requests').waitFor();
});

it('keeps the chosen turn, its place and what is open', async () => {
  await open('test', 'ask');
  await panel.page.getByRole('button', { name: /Thought/ }).click();
  await panel.page.locator('[data-tool=Read] .disclosure').click();
  await panel.page.getByRole('button', { name: /Show more/ }).click();
  await panel.page.locator('.turn-scroll').evaluate((scroller) => (scroller.scrollTop = 60));
  await grow('last');
  await panel.page.locator('.tree-row', { hasText: 'now write the changelog entry' }).waitFor();
  expect(await chosen()).toMatch(/^Turn 1,/);
  expect(await panel.page.locator('.turn-scroll').evaluate((scroller) => scroller.scrollTop)).toBe(60);
  expect(await panel.page.getByText('The retry may swallow').count()).toBe(1);
  expect(await panel.page.getByRole('button', { name: 'Show less' }).count()).toBe(1);
});

it('does not ask again for what it is not shown', async () => {
  await open('test', null);
  const asked = panel.fetched.length;
  await panel.event({ name: 'conversation.changed', ids: ['00000000-0000-4000-8000-00000000beef'] });
  await panel.event({ name: 'usage.changed', ids: [] });
  await panel.event({ name: 'resync', ids: [] });
  await expect.poll(() => panel.fetched.length).toBe(asked + 1);
});

it('ignores messages that are not in the protocol', async () => {
  await open('test', null);
  const asked = panel.fetched.length;
  for (const odd of [
    null,
    7,
    { kind: 'event' },
    { kind: 'show', target: { conversationId: 7 } },
    { kind: 'response', id: 'x' },
  ]) {
    await panel.page.evaluate((data) => {
      window.postMessage(data, '*');
    }, odd);
  }
  await panel.event({ name: 'resync', ids: [] });
  await expect.poll(() => panel.fetched.length).toBe(asked + 1);
  expect(await chosen()).toMatch(/^Turn 4,/);
});

it('goes where the host shows, and back to where one was after a reload', async () => {
  await open('last', 'test');
  await panel.send({ kind: 'show', target: { conversationId, requestId: shown.ids.get('go') ?? null } });
  await expect.poll(chosen).toMatch(/^Turn 5,/);
  await panel.send({ kind: 'show', target: { conversationId, requestId: null } });
  await panel.send({ kind: 'show', target: { conversationId: null, requestId: null } });
  await panel.page.getByText('No conversations yet').waitFor();
});

it('moves a changed conversation up in the list', async () => {
  const now = Date.UTC(2026, 10, 23, 12);
  let rows = listRows(8, now);
  panel = await stage.open({
    routes: routesOf(
      () => [],
      () => rows,
    ),
    now,
  });
  await panel.page.locator('.list-row[data-conversation]').first().waitFor();
  const changed = { ...rows[4]!, lastMessageTime: new Date(now).toISOString(), state: 'running' as const };
  rows = [changed, ...rows.filter((row) => row.conversationId !== changed.conversationId)];
  await panel.event({ name: 'conversation.changed', ids: [changed.conversationId] });
  await expect
    .poll(() => panel.page.locator('.list-row[data-conversation] .list-title').first().innerText())
    .toBe(changed.title);
});
