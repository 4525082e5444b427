import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
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

const upload = uploadTest();
const conversationId = upload.detail.conversation.conversationId;
const requestOf = (name: string): string => upload.ids.get(name) ?? '';

async function open(name: string): Promise<void> {
  panel = await stage.open({
    routes: routesOf(() => [upload]),
    target: { conversationId, requestId: requestOf(name) },
  });
  await panel.page.locator('.turn-body .message').first().waitFor();
}

const headings = (): Promise<string[]> => panel.page.locator('.message-heading > span').allInnerTexts();
const tool = (name: string) => panel.page.locator(`.tool[data-tool=${name}]`);

it('shows what is new first, and folds what was before', async () => {
  await open('agents');
  expect(await headings()).toEqual(['Tool results', 'Claude']);
  await panel.page.getByRole('button', { name: 'Show 4 earlier messages' }).click();
  expect(await headings()).toEqual(['You', 'Claude', 'Claude', 'Tool results', 'Claude']);
  expect(await panel.page.locator('.earlier-messages [data-tool-id=toolu_read]').count()).toBe(1);
});

it('draws tool calls as what they do, with their results', async () => {
  await open('agents');
  await panel.page.getByText('exit 1').waitFor();
  const edit = tool('Edit');
  expect(await edit.locator('.changes').innerText()).toBe('+3 −1');
  expect(await edit.locator('.diff-line.added').first().innerText()).toContain('catch (error)');
  expect((await edit.locator('.diff-line').first().boundingBox())?.height).toBe(18);
  expect(await tool('TodoWrite').locator('li').allInnerTexts()).toEqual([
    'Find the cause',
    'Log the first error',
    'Run the tests ten times',
  ]);
  const output = await tool('Bash').locator('pre.terminal').innerText();
  expect(output).toContain(' FAIL  src/upload.test.ts');
  expect(output).not.toContain('\u001b');
});

it('folds reminders, thinking and long results', async () => {
  await open('ask');
  expect(await panel.page.locator('.turn-body').innerText()).not.toContain('claudeMd');
  await panel.page.getByRole('button', { name: /System reminder/ }).click();
  expect(await panel.page.locator('.turn-body').innerText()).toContain('a quoted one');
  await panel.page.getByRole('button', { name: /Thought/ }).click();
  await panel.page.getByText('The retry may swallow the first error').waitFor();
  await tool('Read').locator('.disclosure').click();
  const more = tool('Read').getByRole('button', { name: 'Show more (12 lines)' });
  await more.click();
  expect(await tool('Read').locator('pre').innerText()).toContain('requests[23]');
});

it('renders markdown: code in colour, tables', async () => {
  await open('test');
  expect(await panel.page.locator('.markdown .hljs-keyword').first().innerText()).toBe('export');
  expect(await panel.page.locator('.markdown td').first().innerText()).toBe('read log');
});

it('shows a queued message of the user and that Claude is answering', async () => {
  await open('last');
  expect(await headings()).toEqual(['Tool results', 'You, while Claude was working']);
  expect(await panel.page.locator('.waiting').innerText()).toContain('Claude is answering');
});

it('shows every try of a turn', async () => {
  await open('go');
  const tries = panel.page.locator('.attempts .chip');
  expect(await tries.allInnerTexts()).toEqual(['1 · 529', '2 · 529', '3 · done']);
  await tries.nth(1).click();
  expect(await panel.page.locator('.turn-error').innerText()).toContain('529 Overloaded');
  await tries.nth(0).click();
  await expect.poll(() => tries.nth(0).getAttribute('aria-pressed')).toBe('true');
});

it('goes from a sub-task’s call to the sub-task', async () => {
  await open('read');
  await panel.page.locator('[data-tool-id=toolu_b]').getByRole('button', { name: 'Open sub-task' }).click();
  expect(await panel.page.locator('.task-header').innerText()).toContain('Sub-task 2 (3)');
});

it('asks only for the parts a tab needs, and shows them', async () => {
  await open('agents');
  expect(
    panel.fetched.filter((path) => path.includes('/requests/')).every((path) => path.includes('fields=')),
  ).toBe(true);
  expect(panel.fetched.join()).not.toContain('streamingChunks');
  const tab = async (name: string): Promise<string> => {
    await panel.page.getByRole('tab', { name }).click();
    await panel.page.locator('.turn-body :is(.message, .chunks, .tool-list)').first().waitFor();
    return panel.page.locator('.turn-body').innerText();
  };
  expect(await tab('System')).toContain('Prefer the dedicated tools');
  await panel.page.getByText('3 blocks, the same as in the turn before').waitFor();
  expect(await tab('Tools')).toContain('TodoWrite');
  expect(await tab('Headers')).toContain('claude-cli/2.1.330');
  await panel.page.getByText('its history ends with that turn’s answer').waitFor();
  await tab('Stream');
  await panel.page.getByText('content_block_delta', { exact: true }).first().waitFor();
  expect(await tab('JSON')).toContain('max_tokens');
  await panel.page.keyboard.press('ArrowLeft');
  expect(await panel.page.getByRole('tab', { selected: true }).innerText()).toBe('Stream');
});

it('says why a turn hangs where it hangs, and leads to what else was considered', async () => {
  await open('agents');
  await panel.page.getByRole('button', { name: 'Why here' }).click();
  const place = panel.page.locator('nexus-place');
  await place.getByText('its history ends with that turn’s answer').waitFor();
  expect(await place.locator('.place').innerText()).toMatch(
    /^It follows turn \d+: its history ends with that turn’s answer \(6 blocks the same\)\.$/,
  );
  expect(await place.locator('li').allInnerTexts()).toEqual([
    'turn 1: shares 4 blocks, its answer does not match',
    expect.stringMatching(/^The other upload test, .+: another session, and the own one goes on$/),
    'A turn that was deleted: older than the one that was chosen',
  ]);
  await place.getByRole('button', { name: 'turn 1' }).first().click();
  await expect
    .poll(() => panel.page.locator('[role=treeitem][aria-selected=true]').getAttribute('data-request'))
    .toBe(upload.detail.requests[0]!.requestId);
});

it('hands JSON, links, ids and titles to the host', async () => {
  await open('agents');
  await panel.page.getByRole('button', { name: 'Open response JSON' }).click();
  await panel.page.getByRole('button', { name: 'Copy link' }).click();
  await panel.page.getByRole('button', { name: 'Copy conversation id' }).click();
  await expect
    .poll(() => panel.sent)
    .toEqual([
      { kind: 'title', title: 'Fix the flaky upload test' },
      { kind: 'open-json', requestId: requestOf('agents'), part: 'response' },
      {
        kind: 'copy',
        text: `vscode://claude-nexus.claude-nexus/conversation/${conversationId}?turn=${requestOf('agents')}`,
      },
      { kind: 'copy', text: conversationId },
    ]);
});

it('says that a turn is out of reach, and offers what is left', async () => {
  await open('agents');
  panel.routes = () => ({ status: 0, body: 'The answer is larger than 4 MB.' });
  await panel.page.click(`[data-request="${requestOf('ask')}"]`);
  const failure = panel.page.locator('.turn-body .notice');
  await failure.waitFor();
  expect(await failure.innerText()).toContain('The answer is larger than 4 MB.');
  panel.routes = routesOf(() => [upload]);
  await failure.getByText('Try again').click();
  await panel.page.getByText('one time in ten').waitFor();
});
