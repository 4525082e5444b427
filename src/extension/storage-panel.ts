import * as vscode from 'vscode';
import { PanelPage, type PanelKind, type PanelParts } from './panel-page.ts';

const PANEL_TYPE = 'claudeNexus.storage';

/** The command that opens the storage page, or shows the one that is open. */
export function registerStoragePanel(context: vscode.ExtensionContext, parts: PanelParts): void {
  const kind: PanelKind = { bundle: 'storage', element: 'nexus-storage', title: vscode.l10n.t('Storage') };
  let shown: { panel: vscode.WebviewPanel; page: PanelPage } | null = null;
  const adopt = (panel: vscode.WebviewPanel): void => {
    const page = new PanelPage(context.extensionUri, panel, kind, parts, () => undefined);
    shown = { panel, page };
    panel.onDidDispose(() => {
      page.dispose();
      if (shown?.page === page) shown = null;
    });
  };
  context.subscriptions.push(
    {
      dispose: () => {
        shown?.page.dispose();
      },
    },
    vscode.window.registerWebviewPanelSerializer(PANEL_TYPE, {
      deserializeWebviewPanel: (panel) => {
        adopt(panel);
        return Promise.resolve();
      },
    }),
    vscode.commands.registerCommand('claudeNexus.openStorage', () => {
      if (shown !== null) shown.panel.reveal();
      else adopt(vscode.window.createWebviewPanel(PANEL_TYPE, kind.title, vscode.ViewColumn.Active));
    }),
  );
}
