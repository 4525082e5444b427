import * as vscode from 'vscode';
import { z } from 'zod';
import type { PanelTarget } from '../protocol/bridge.ts';
import { PanelPage, type PanelKind, type PanelParts } from './panel-page.ts';

const PANEL_TYPE = 'claudeNexus.conversation';
/** A page has begun by then, or was there all the time. */
const LOADING_MS = 5000;

/**
 * Opens a conversation (or the list) in the editor area: in the panel that shows it already, else in the one used last,
 * so that clicking through a list does not fill the editor with tabs. `apart`: in a panel of its own.
 */
export type OpenPanel = (target: PanelTarget, apart?: boolean) => void;

export function registerConversationsPanel(context: vscode.ExtensionContext, parts: PanelParts): OpenPanel {
  /** The one used last comes last. */
  const panels = new Set<Panel>();
  const adopt = (panel: vscode.WebviewPanel, target: PanelTarget | null, key: string | null): void => {
    const adopted = new Panel(context.extensionUri, panel, parts, target, key);
    panels.add(adopted);
    panel.onDidChangeViewState(() => {
      if (!panel.active) return;
      panels.delete(adopted);
      panels.add(adopted);
    });
    panel.onDidDispose(() => {
      panels.delete(adopted);
      adopted.dispose();
    });
  };
  context.subscriptions.push(
    {
      dispose: () => {
        for (const panel of panels) panel.dispose();
      },
    },
    vscode.window.registerWebviewPanelSerializer(PANEL_TYPE, {
      // The page restores what it showed from its own state.
      deserializeWebviewPanel: (panel, state) => {
        adopt(panel, null, keptKey(state));
        return Promise.resolve();
      },
    }),
  );
  return (target, apart = false) => {
    const all = [...panels];
    const shown = all.find((panel) => panel.key === keyOf(target)) ?? (apart ? undefined : all.at(-1));
    if (shown !== undefined) {
      shown.show(target);
      return;
    }
    const title = vscode.l10n.t('Conversations');
    const panel = vscode.window.createWebviewPanel(PANEL_TYPE, title, vscode.ViewColumn.Active);
    adopt(panel, target, keyOf(target));
  };
}

/** One panel of conversations: what it shows, and the page it does that with. */
class Panel {
  /** What this panel was last asked to show; its reader may have gone elsewhere since. */
  key: string | null;
  readonly #panel: vscode.WebviewPanel;
  readonly #page: PanelPage;
  #target: PanelTarget | null;
  #forget: NodeJS.Timeout | undefined;

  constructor(
    extensionUri: vscode.Uri,
    panel: vscode.WebviewPanel,
    parts: PanelParts,
    target: PanelTarget | null,
    key: string | null,
  ) {
    this.key = key;
    this.#panel = panel;
    this.#target = target;
    const title = vscode.l10n.t('Conversations');
    const kind: PanelKind = { bundle: 'conversations', element: 'nexus-app', title };
    this.#page = new PanelPage(extensionUri, panel, kind, parts, () => {
      this.#postTarget();
    });
  }

  show(target: PanelTarget): void {
    this.key = keyOf(target);
    this.#target = target;
    // A page that was covered may be loaded anew now, or may not: then what it is told first is lost.
    const covered = !this.#panel.visible;
    this.#panel.reveal();
    this.#postTarget(covered);
    clearTimeout(this.#forget);
    if (covered) this.#forget = setTimeout(() => (this.#target = null), LOADING_MS);
  }

  dispose(): void {
    clearTimeout(this.#forget);
    this.#page.dispose();
  }

  #postTarget(mayBeLost = false): void {
    if (!this.#page.ready || this.#target === null) return;
    this.#page.post({ kind: 'show', target: this.#target });
    // Once: a page that is loaded again goes back to where its reader was.
    if (!mayBeLost) this.#target = null;
  }
}

function keyOf(target: PanelTarget): string {
  return target.conversationId ?? 'list';
}

const keptState = z.object({ target: z.object({ conversationId: z.string().nullable() }) });

/** What a panel of an earlier run showed, if its page kept it in the agreed shape. */
function keptKey(state: unknown): string | null {
  const parsed = keptState.safeParse(state);
  return parsed.success ? (parsed.data.target.conversationId ?? 'list') : null;
}
