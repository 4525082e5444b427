import * as vscode from 'vscode';
import { PanelPage, type PanelKind, type PanelParts } from './panel-page.ts';

/** A panel of which there is one: shown by its command, and again in a window that is opened anew. */
export interface SinglePanel extends PanelKind {
  /** How VS Code tells it from other panels. */
  readonly type: string;
}

/** Returns what opens the panel, or shows the one that is open. */
export function registerSinglePanel(
  context: vscode.ExtensionContext,
  kind: SinglePanel,
  parts: PanelParts,
): () => void {
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
    vscode.window.registerWebviewPanelSerializer(kind.type, {
      deserializeWebviewPanel: (panel) => {
        adopt(panel);
        return Promise.resolve();
      },
    }),
  );
  return () => {
    if (shown !== null) shown.panel.reveal();
    else adopt(vscode.window.createWebviewPanel(kind.type, kind.title, vscode.ViewColumn.Active));
  };
}
