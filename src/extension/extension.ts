import { performance } from 'node:perf_hooks';
import type * as vscode from 'vscode';
import { registerOpenCommands } from './commands.ts';
import { ControlApi } from './control-api.ts';
import { registerConversationsPanel } from './conversations-panel.ts';
import { registerConversationsView } from './conversations-view.ts';
import { registerEvents } from './events.ts';
import { registerJsonDocuments } from './json-documents.ts';
import { registerNotices } from './notices.ts';
import { registerOutput } from './output.ts';
import { registerAccounts } from './register-accounts.ts';
import { registerSidecar, type Sidecar } from './sidecar-process.ts';
import { registerStatusBar } from './status-bar.ts';
import { registerStoragePanel } from './storage-panel.ts';
import { registerTerminals } from './terminals.ts';
import { registerUpstreamWatch } from './upstream-watch.ts';

/** What `activate` returns: figures for the benchmark. No address and no secret, any extension can read it. */
export interface ExtensionExports {
  /** How long `activate` took, in ms. */
  readonly activationMs: number;
  /** Resolves when the sidecar is there for the first time. `readyMs` counts from the beginning of `activate`. */
  readonly ready: Promise<{ readyMs: number; attached: boolean; version: string; pid: number }>;
}

/** Registers every feature and returns at once; the sidecar is looked for afterwards. */
export function activate(context: vscode.ExtensionContext): ExtensionExports {
  const begun = performance.now();
  const output = registerOutput(context);
  const sidecar = registerSidecar(context, output);
  const api = new ControlApi(() => sidecar.ready, fetch);
  const events = registerEvents(context, sidecar, output);
  const notices = registerNotices(context, sidecar);
  const routing = registerTerminals(context, sidecar);
  const openJson = registerJsonDocuments(context, api, events);
  const openPanel = registerConversationsPanel(context, { sidecar, events, openJson, output });
  registerStoragePanel(context, { sidecar, events, openJson, output });
  const view = registerConversationsView(context, { sidecar, routing, events, api, output, notices });
  registerOpenCommands(context, { openPanel, openJson, view });
  registerAccounts(context, { sidecar, events, api, output });
  registerStatusBar(context, { sidecar, routing, events, api, output });
  registerUpstreamWatch(context, { events, api, notices, output });
  const activationMs = performance.now() - begun;
  output.log.debug(`Activated in ${activationMs.toFixed(1)} ms.`);
  return { activationMs, ready: firstReady(context, sidecar, begun) };
}

function firstReady(
  context: vscode.ExtensionContext,
  sidecar: Sidecar,
  begun: number,
): ExtensionExports['ready'] {
  return new Promise((resolve) => {
    const subscription = sidecar.onDidChangeState((state) => {
      if (state.kind !== 'connected') return;
      subscription.dispose();
      const { attached, version, pid } = state.ready;
      resolve({ readyMs: performance.now() - begun, attached, version, pid });
    });
    context.subscriptions.push(subscription);
  });
}
