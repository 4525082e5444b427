import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Locator } from 'playwright-core';
import type { ReadyLine } from '../../src/protocol/status.ts';
import type { FakeAnthropic } from '../support/fake-anthropic.mjs';
import type { FakeTokenEndpoint } from '../support/fake-token-endpoint.ts';
import type { Story } from '../support/story.ts';
import { openWorkbench, type Workbench } from '../support/workbench.ts';
import type { WorkbenchServer } from '../support/workbench-server.ts';

/** What every act of the play has at hand. */
export interface Scene {
  server: WorkbenchServer;
  browser: Browser;
  /** The first window, on `workspace`. */
  wb: Workbench;
  workspace: string;
  /** The second project, for a second window. */
  otherWorkspace: string;
  /** Claude Code's own state. */
  home: string;
  dataDir: string;
  fake: FakeAnthropic;
  /** Where log-ins get their tokens. */
  tokens: FakeTokenEndpoint;
  story: Story;
  sessionId: string;
  out: string;
  /** Counts one statement about the product; a failure is noted with a screenshot, and the play goes on. */
  check: (name: string, work: () => Promise<void>) => Promise<void>;
  /** A picture of the first window, or of one part of it. */
  shot: (name: string, part?: string) => Promise<void>;
}

export interface Outcome {
  name: string;
  ms: number;
  error: string | null;
}

/** A counter of checks. `picture` is taken when one fails. */
export function checks(picture: (file: string) => Promise<unknown>, out: string) {
  const outcomes: Outcome[] = [];
  const check = async (name: string, work: () => Promise<void>): Promise<void> => {
    const started = performance.now();
    const error = await work().then(
      () => null,
      (reason: unknown) => (reason instanceof Error ? (reason.stack ?? reason.message) : String(reason)),
    );
    const ms = Math.round(performance.now() - started);
    outcomes.push({ name, ms, error });
    console.log(`${error === null ? 'ok  ' : 'FAIL'} ${name} (${ms} ms)`);
    if (error === null) return;
    console.log(
      error
        .split('\n')
        .slice(0, 14)
        .map((line) => `     ${line}`)
        .join('\n'),
    );
    await picture(join(out, `failed-${outcomes.length}.png`)).catch((reason: unknown) => {
      console.log(`     and there is no picture: ${String(reason)}`);
    });
  };
  return { outcomes, check };
}

/** A command of ours as the palette shows it. */
export function commandTitle(name: string): string {
  const texts = JSON.parse(readFileSync(join(root, 'package.nls.json'), 'utf8')) as Record<string, string>;
  const title = texts[`command.${name}`];
  if (title === undefined) throw new Error(`there is no command ${name}`);
  return `Claude Nexus: ${title}`;
}

/** The story's conversation in the side bar. */
export function conversationRow({ wb }: Pick<Scene, 'wb'>): Locator {
  return wb.page.locator('.pane-body .monaco-list-row', { hasText: 'Fix the flaky upload test' }).first();
}

const root = join(import.meta.dirname, '..', '..');

/** Opens one more window of the same workbench. */
export function anotherWindow(scene: Scene, folder: string): Promise<Workbench> {
  return openWorkbench(scene.browser, scene.server, folder);
}

/** The ready line of the sidecar that owns the data directory, from the file a second `serve` reads it from. */
export function runningSidecar(dataDir: string): ReadyLine {
  const file = JSON.parse(readFileSync(join(dataDir, 'owner.json'), 'utf8')) as { ready: ReadyLine };
  return file.ready;
}

/** Asks the control API as a script would. */
export async function api<T>(scene: Pick<Scene, 'dataDir'>, path: string): Promise<T> {
  const { url, token } = runningSidecar(scene.dataDir);
  const answer = await fetch(url + path, { headers: { authorization: `Bearer ${token}` } });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as T;
}
