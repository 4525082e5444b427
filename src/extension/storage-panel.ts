import * as vscode from 'vscode';
import type { PanelParts } from './panel-page.ts';
import { registerSinglePanel } from './single-panel.ts';

/** The command that opens the storage page, or shows the one that is open. */
export function registerStoragePanel(context: vscode.ExtensionContext, parts: PanelParts): void {
  const title = vscode.l10n.t('Storage');
  const kind = { type: 'claudeNexus.storage', bundle: 'storage', element: 'nexus-storage', title } as const;
  const open = registerSinglePanel(context, kind, parts);
  context.subscriptions.push(vscode.commands.registerCommand('claudeNexus.openStorage', open));
}
