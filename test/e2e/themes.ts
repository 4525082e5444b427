import assert from 'node:assert/strict';
import type { Scene } from './scene.ts';

const LOOKS = [
  { theme: 'Dark Modern', picture: 'panel', kind: 'vscode-dark' },
  { theme: 'Light Modern', picture: 'panel-light', kind: 'vscode-light' },
  { theme: 'Dark High Contrast', picture: 'panel-high-contrast', kind: 'vscode-high-contrast' },
];

/** The same panel in the three kinds of theme; the pictures are for people to look at. */
export async function themes(scene: Scene): Promise<void> {
  const { wb, check, shot } = scene;
  const panel = await wb.webview('nexus-tree .turn-row');
  await check('the turn of the picture is open', async () => {
    await panel.locator('nexus-turn').getByRole('tab', { name: 'Conversation' }).click();
    await panel.locator('.turn-row[data-branch="main"]').nth(4).click();
    await panel.locator('nexus-turn table').waitFor();
    await panel.locator('.tree-scroll').hover();
  });
  // A picture people look at in a README: no wide empty rims.
  await wb.page.setViewportSize({ width: 1400, height: 780 });
  for (const { theme, picture, kind } of LOOKS) {
    await check(`the panel follows the theme ${theme}`, async () => {
      await wb.theme(theme);
      await panel.locator(`body.${kind}`).waitFor();
      const [text, back] = await panel.locator('body').evaluate((body) => {
        const style = getComputedStyle(body);
        return [
          style.color,
          getComputedStyle(body.ownerDocument.documentElement).getPropertyValue('--vscode-editor-background'),
        ];
      });
      assert.notEqual(text, back);
      await shot(picture);
    });
  }
  await wb.theme('Dark Modern');
  await wb.page.setViewportSize({ width: 1440, height: 900 });
}
