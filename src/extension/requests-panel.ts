import * as vscode from 'vscode';
import type { PanelParts } from './panel-page.ts';
import { registerSinglePanel } from './single-panel.ts';

/** The command that opens the list of requests, or shows the one that is open. */
export function registerRequestsPanel(context: vscode.ExtensionContext, parts: PanelParts): void {
  const title = vscode.l10n.t('Requests');
  const kind = {
    type: 'claudeNexus.requests',
    bundle: 'requests',
    element: 'nexus-requests',
    title,
  } as const;
  const open = registerSinglePanel(context, kind, parts);
  context.subscriptions.push(vscode.commands.registerCommand('claudeNexus.openRequests', open));
}
