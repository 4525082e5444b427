import * as vscode from 'vscode';
import type { ControlApi } from './control-api.ts';
import type { Events } from './events.ts';
import type { Output } from './output.ts';
import type { Sidecar } from './sidecar-process.ts';
import { TOOLTIP_COMMANDS, WINDOW_MS, statusText, statusTooltip, type StatusFacts } from './status-text.ts';
import type { Routing } from './terminals.ts';
import { Throttle } from './throttle.ts';

/** The 5-hour window slides even when nothing happens. */
const SLIDE_MS = 60_000;

/** One item in the status bar: whether Nexus is there, and the tokens of the last 5 hours. */
export function registerStatusBar(
  context: vscode.ExtensionContext,
  parts: {
    sidecar: Sidecar;
    routing: Routing;
    events: Events;
    api: ControlApi;
    output: Output;
  },
): void {
  const { sidecar, routing, events, api, output } = parts;
  const item = vscode.window.createStatusBarItem('claudeNexus.status', vscode.StatusBarAlignment.Right, 90);
  item.name = 'Claude Nexus';
  let known: Pick<StatusFacts, 'window' | 'today' | 'status'> = NOTHING;

  const draw = (): void => {
    const facts: StatusFacts = { ...known, state: sidecar.state, routed: routing.wanted };
    const { text, label } = statusText(facts);
    item.text = text;
    item.accessibilityInformation = { label, role: 'button' };
    item.tooltip = tooltip(facts);
    item.command = sidecar.state.kind === 'down' ? 'claudeNexus.explain' : 'claudeNexus.openConversations';
  };
  const refresh = new Throttle(async () => {
    if (sidecar.ready === null) return;
    try {
      const now = Date.now();
      const [status, window, today] = await Promise.all([
        api.status(),
        api.stats(now - WINDOW_MS),
        api.stats(new Date(now).setHours(0, 0, 0, 0)),
      ]);
      known = { status, window, today };
    } catch (error) {
      // The item keeps the last figures; the conversations view tells what is wrong.
      output.log.debug(`The figures of the status bar did not come: ${String(error)}`);
    }
    draw();
  }, 300);
  const timer = setInterval(() => {
    refresh.request();
  }, SLIDE_MS);

  context.subscriptions.push(
    item,
    refresh,
    {
      dispose: () => {
        clearInterval(timer);
      },
    },
    routing.onDidChange(draw),
    sidecar.onDidChangeState((state) => {
      if (state.kind === 'connected') refresh.request();
      else known = NOTHING;
      draw();
    }),
    events.onEvent(({ name }) => {
      if (name === 'usage.changed' || name === 'status' || name === 'resync') refresh.request();
    }),
  );
  draw();
  item.show();
}

const NOTHING = { window: null, today: null, status: null };

function tooltip(facts: StatusFacts): vscode.MarkdownString {
  const escape = (text: string): string => new vscode.MarkdownString('', true).appendText(text).value;
  const markdown = new vscode.MarkdownString(statusTooltip(facts, escape), true);
  markdown.isTrusted = { enabledCommands: TOOLTIP_COMMANDS.map((name) => `claudeNexus.${name}`) };
  return markdown;
}
