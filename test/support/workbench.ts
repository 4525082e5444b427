import {
  chromium,
  type Browser,
  type BrowserContext,
  type Frame,
  type Locator,
  type Page,
} from 'playwright-core';
import { until } from './until.ts';
import type { WorkbenchServer } from './workbench-server.ts';

/** Debian's Chromium, or the one named by CHROMIUM. */
export function launchBrowser(headless = true): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
    headless,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--disable-background-networking',
      '--disable-component-update',
      '--no-first-run',
      '--force-color-profile=srgb',
    ],
  });
}

/** Opens a window on a folder; resolves when the workbench is drawn. Asking for anything beyond loopback is refused and noted. */
export async function openWorkbench(
  browser: Browser,
  server: WorkbenchServer,
  folder: string,
  onConsole?: (line: string) => void,
): Promise<Workbench> {
  const context = await browser.newContext({
    viewport: { width: 1440, height: 900 },
    reducedMotion: 'reduce',
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  const page = await context.newPage();
  const offsite: string[] = [];
  const beyondLoopback = (url: URL) =>
    /^https?:$/.test(url.protocol) && !['127.0.0.1', 'localhost'].includes(url.hostname);
  await context.route(beyondLoopback, async (route) => {
    offsite.push(route.request().url());
    await route.abort();
  });
  if (onConsole) page.on('console', (message) => onConsole(`[${message.type()}] ${message.text()}`));
  await page.goto(server.urlOf(folder), { waitUntil: 'domcontentloaded' });
  await page.locator('.monaco-workbench').waitFor({ timeout: 60_000 });
  await page.locator('.part.statusbar .statusbar-item').first().waitFor({ timeout: 60_000 });
  return new Workbench(page, context, offsite);
}

/** One window of the real workbench, as its user sees it. */
export class Workbench {
  readonly page: Page;
  readonly context: BrowserContext;
  /** URLs beyond loopback that something in the window asked for. */
  readonly offsite: readonly string[];

  constructor(page: Page, context: BrowserContext, offsite: readonly string[]) {
    this.page = page;
    this.context = context;
    this.offsite = offsite;
  }

  /** Runs a command from the palette by its title as shown there, e.g. `Claude Nexus: Open conversations`. */
  async command(title: string): Promise<void> {
    const { page } = this;
    const input = page.locator('.quick-input-widget input:visible').first();
    const label = page.locator('.label-name', { hasText: title });
    const row = page.locator('.quick-input-list .monaco-list-row').filter({ has: label }).first();
    // While the workbench wakes up, F1 may be lost and commands may not be there yet.
    for (let attempt = 0; ; attempt++) {
      await page.keyboard.press('F1');
      const asked = await input.fill(`>${title}`, { timeout: 2000 }).then(
        () => true,
        () => false,
      );
      if (asked && (await appears(row, 3000))) break;
      if (attempt === 9) throw new Error(`the command palette does not offer "${title}"`);
      // Without a palette it would reach whatever has the focus: to a panel it means going back.
      if (await input.isVisible()) await page.keyboard.press('Escape');
    }
    await row.click();
    // Done when the palette is gone, or when the command has put another quick pick in its place.
    await page.waitForFunction(() => {
      const widget = document.querySelector<HTMLElement>('.quick-input-widget');
      return (
        !widget || widget.style.display === 'none' || !widget.querySelector('input')?.value.startsWith('>')
      );
    });
  }

  /** Changes the colour theme by its label, e.g. `Light Modern` or `Dark High Contrast`. */
  async theme(label: string): Promise<void> {
    await this.command('Preferences: Color Theme');
    const input = this.page.locator('.quick-input-widget input:visible').first();
    await input.fill(label);
    await this.page.locator('.quick-input-list .monaco-list-row', { hasText: label }).first().waitFor();
    await this.page.keyboard.press('Enter');
    await input.waitFor({ state: 'hidden' });
  }

  /** The inner frame of the webview that holds `selector` (open shadow roots are looked into). */
  async webview(selector: string, timeoutMs = 30_000): Promise<Frame> {
    return await until(`a webview with ${selector}`, timeoutMs, async () => {
      for (const frame of this.page.frames()) {
        // page > iframe.webview > iframe#active-frame
        if (!frame.parentFrame()?.parentFrame()) continue;
        const found = await frame
          .locator(selector)
          .count()
          .then(
            (count) => count > 0,
            () => false, // the frame went away meanwhile
          );
        if (found) return frame;
      }
      return undefined;
    });
  }

  /** The status-bar item with this text, once it is there. */
  async statusBar(text: string | RegExp, timeoutMs = 30_000): Promise<Locator> {
    const item = this.page.locator('.part.statusbar .statusbar-item', { hasText: text }).first();
    await item.waitFor({ timeout: timeoutMs });
    return item;
  }

  /** Shows a container of the activity bar. */
  async openView(title: string): Promise<void> {
    const entry = this.page.locator('.activitybar .action-item', {
      has: this.page.locator(`a[aria-label*="${title}"]`),
    });
    // A click on the open one would close the side bar.
    const open = await entry.first().evaluate((element) => element.classList.contains('checked'));
    if (!open) await entry.first().click();
  }

  /** Opens a new integrated terminal and waits for its prompt. */
  async newTerminal(): Promise<void> {
    const before = await this.page.locator('.terminal-wrapper').count();
    await this.command('Terminal: Create New Terminal');
    await until('a new terminal', 30_000, async () =>
      (await this.page.locator('.terminal-wrapper').count()) > before ? true : undefined,
    );
    await until('a prompt in the terminal', 30_000, async () =>
      /[$#>]\s*$/m.test(await this.terminalText()) ? true : undefined,
    );
  }

  /** Types a line into the active terminal and waits until what the terminal shows matches. Answers with its text. */
  async type(line: string, expected: RegExp, timeoutMs = 30_000): Promise<string> {
    await this.page.locator('.terminal-wrapper.active textarea.xterm-helper-textarea').focus();
    // The terminal takes inserted text only between keys. Of F1, which has opened the palette from here, it saw no end.
    await this.page.keyboard.press('Shift');
    await this.page.keyboard.insertText(line);
    await this.page.keyboard.press('Enter');
    let text = '';
    return await until(
      `${expected} in the terminal`,
      timeoutMs,
      async () => {
        text = await this.terminalText();
        return expected.test(text) ? text : undefined;
      },
      () => text,
    );
  }

  /** What the active terminal shows; no-break spaces are spaces. */
  async terminalText(): Promise<string> {
    const rows = this.page.locator('.terminal-wrapper.active .xterm-rows');
    return (await rows.count()) === 0 ? '' : (await rows.first().innerText()).replaceAll('\u00a0', ' ');
  }
}

const appears = (locator: Locator, timeout: number): Promise<boolean> =>
  locator.waitFor({ timeout }).then(
    () => true,
    () => false,
  );
