import assert from 'node:assert/strict';
import { answerId } from '../support/claude-code.ts';
import type { StepName } from '../support/story.ts';
import { until } from '../support/until.ts';
import { api, type Scene } from './scene.ts';

/** A real Claude Code does the story's work in the integrated terminal, while the panel is open beside it. */
export async function workInTheTerminal(scene: Scene): Promise<void> {
  const { wb, check, story, shot } = scene;
  await check('a new terminal has the base URL of this folder and tool search', async () => {
    await wb.newTerminal();
    const line = 'echo "[$ANTHROPIC_BASE_URL|$ENABLE_TOOL_SEARCH]"';
    const shown = await wb.type(line, /\[http:\/\/127\.0\.0\.1:\d+\/k\/[\w-]+\/p\/uploader\|true\]/);
    assert.match(shown, /uploader \$/);
  });
  await check('behind a company’s proxy, the sidecar is an exception', async () => {
    await wb.type('clear; echo "[$NO_PROXY|$no_proxy]"', /\[(,127\.0\.0\.1)+\|(,127\.0\.0\.1)+\]/);
  });
  const run = (name: StepName, ...more: string[]) =>
    check(`claude runs in the terminal: ${name}`, async () => {
      const line = ['claude', ...story.steps[name], ...more].map(quoted).join(' ');
      await wb.type(`clear; ${line}; echo "[${name}:$?]"`, new RegExp(`\\[${name}:\\d+\\]`), 90_000);
      assert.match(await wb.terminalText(), new RegExp(`\\[${name}:0\\]`));
    });

  await run('fix');
  await shot('terminal');
  await check('the conversation is in the side bar, live', async () => {
    const row = wb.page.locator('.pane-body .monaco-list-row', { hasText: 'Fix the flaky upload test' });
    await row.first().waitFor({ timeout: 10_000 });
    await row.first().click();
  });
  const rows = async () => (await wb.webview('nexus-tree')).locator('.turn-row');
  await check('the panel shows its first turns', async () => {
    await until('five turns', 10_000, async () => ((await (await rows()).count()) === 5 ? true : undefined));
  });
  await run('followUp');
  let answer = '';
  await check('the session file of Claude Code names the answer to fork from', () => {
    answer = answerId(scene.home, scene.sessionId, story.forkedAnswer);
    return Promise.resolve();
  });
  await run('fork', '--resume-session-at', answer);
  await run('compact');
  await run('goOn');
  await check('the open panel has grown by itself', async () => {
    await until('eleven turns', 10_000, async () =>
      (await (await rows()).count()) === 11 ? true : undefined,
    );
  });
  await check('every exchange of the story is stored in one conversation', async () => {
    const expected = Object.values(story.turns).reduce((sum, count) => sum + count, 0);
    await until('the whole conversation', 20_000, async () => {
      const page = await api<{ conversations: { requestCount: number }[] }>(
        scene,
        '/api/conversations?project=uploader',
      );
      return page.conversations.length === 1 && page.conversations[0]?.requestCount === expected
        ? true
        : undefined;
    });
  });
}

const quoted = (word: string): string =>
  /^[\w/.,:-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
