import * as vscode from 'vscode';
import type { ControlApi } from './control-api.ts';
import type { Events } from './events.ts';
import type { Output } from './output.ts';
import { RecorderWatch } from './recorder-health.ts';
import type { Sidecar } from './sidecar-process.ts';
import { TOOLTIP_COMMANDS, WINDOW_MS, statusText, statusTooltip, type StatusFacts } from './status-text.ts';
import type { Routing } from './terminals.ts';
import { Throttle } from './throttle.ts';

/** The 5-hour window slides even when nothing happens. */
const SLIDE_MS = 60_000;
/** While exchanges wait nothing need happen that is an event: asked again after this long, ms. */
const WAITING_MS = 3000;

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
  const watch = new RecorderWatch();
  let known: Pick<StatusFacts, 'window' | 'today' | 'status' | 'asOf'> = NOTHING;

  let soon: NodeJS.Timeout | undefined;
  const draw = (): void => {
    const { health } = watch;
    const facts: StatusFacts = { ...known, health, state: sidecar.state, routed: routing.wanted };
    const { text, label } = statusText(facts);
    item.text = text;
    item.accessibilityInformation = { label, role: 'button' };
    item.tooltip = tooltip(facts);
    // Nothing but a loss is worth a colour.
    item.backgroundColor =
      sidecar.ready !== null && health === 'losing'
        ? new vscode.ThemeColor('statusBarItem.warningBackground')
        : undefined;
    item.command = sidecar.state.kind === 'down' ? 'claudeNexus.explain' : 'claudeNexus.openConversations';
  };
  const takeStatus = async (): Promise<void> => {
    const status = await api.status();
    known = { ...known, status, asOf: Date.now() };
    const line = watch.take(status, known.asOf);
    if (line !== null) output.log[line.level](line.text);
    if (status.recorder.pending > 0 || watch.health !== 'well') {
      soon = setTimeout(() => {
        refresh.request();
      }, WAITING_MS);
    }
  };
  const refresh = new Throttle(async () => {
    clearTimeout(soon);
    if (sidecar.ready === null) return;
    try {
      // First and apart: while the database is away the figures do not come, and that is what has to be shown.
      await takeStatus();
      draw();
      const now = Date.now();
      const [window, today] = await Promise.all([
        api.stats(now - WINDOW_MS),
        api.stats(new Date(now).setHours(0, 0, 0, 0)),
      ]);
      known = { ...known, window, today };
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
        clearTimeout(soon);
      },
    },
    routing.onDidChange(draw),
    sidecar.onDidChangeState((state) => {
      if (state.kind === 'connected') refresh.request();
      else {
        known = NOTHING;
        watch.reset();
      }
      draw();
    }),
    events.onEvent(({ name }) => {
      if (name === 'usage.changed' || name === 'status' || name === 'resync') refresh.request();
    }),
  );
  draw();
  item.show();
}

const NOTHING = { window: null, today: null, status: null, asOf: 0 };

function tooltip(facts: StatusFacts): vscode.MarkdownString {
  const escape = (text: string): string => new vscode.MarkdownString('', true).appendText(text).value;
  const markdown = new vscode.MarkdownString(statusTooltip(facts, escape), true);
  markdown.isTrusted = { enabledCommands: TOOLTIP_COMMANDS.map((name) => `claudeNexus.${name}`) };
  return markdown;
}
