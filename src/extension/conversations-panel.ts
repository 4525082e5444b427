import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';
import { z } from 'zod';
import type { HostMessage, PanelTarget } from '../protocol/bridge.ts';
import { Bridge } from './bridge.ts';
import type { Events } from './events.ts';
import type { OpenJson } from './json-documents.ts';
import { sentence } from './notices.ts';
import type { Output } from './output.ts';
import { panelHtml } from './panel-html.ts';
import { advise } from './problems.ts';
import type { Sidecar } from './sidecar-process.ts';
import { oneLine } from './one-line.ts';

const PANEL_TYPE = 'claudeNexus.conversation';

/**
 * Opens a conversation (or the list) in the editor area: in the panel that shows it already, else in the one used last,
 * so that clicking through a list does not fill the editor with tabs. `apart`: in a panel of its own.
 */
export type OpenPanel = (target: PanelTarget, apart?: boolean) => void;

interface PanelParts {
  readonly sidecar: Sidecar;
  readonly events: Events;
  readonly openJson: OpenJson;
  readonly output: Output;
}

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

/** One webview: its page, its bridge, and the events it gets while it is visible. */
class Panel {
  /** What this panel was last asked to show; its reader may have gone elsewhere since. */
  key: string | null;
  readonly #panel: vscode.WebviewPanel;
  readonly #parts: PanelParts;
  readonly #bridge: Bridge;
  readonly #subscriptions: vscode.Disposable[];
  #target: PanelTarget | null;
  #pageReady = false;
  #missedEvents = false;

  constructor(
    extensionUri: vscode.Uri,
    panel: vscode.WebviewPanel,
    parts: PanelParts,
    target: PanelTarget | null,
    key: string | null,
  ) {
    this.key = key;
    this.#panel = panel;
    this.#parts = parts;
    this.#target = target;
    this.#bridge = this.#newBridge();
    const { webview } = panel;
    const media = vscode.Uri.joinPath(extensionUri, 'media');
    panel.iconPath = {
      light: vscode.Uri.joinPath(media, 'panel-light.svg'),
      dark: vscode.Uri.joinPath(media, 'panel-dark.svg'),
    };
    this.#subscriptions = [
      webview.onDidReceiveMessage((message: unknown) => {
        this.#bridge.receive(message);
      }),
      panel.onDidChangeViewState(() => {
        this.#shown();
      }),
      parts.sidecar.onDidChangeState(() => {
        this.#postConnection();
      }),
      parts.events.onEvent((event) => {
        if (panel.visible) this.#post({ kind: 'event', event });
        else this.#missedEvents = true;
      }),
    ];
    const dist = vscode.Uri.joinPath(extensionUri, 'dist', 'webview');
    webview.options = { enableScripts: true, enableForms: false, localResourceRoots: [dist] };
    webview.html = panelHtml({
      script: webview.asWebviewUri(vscode.Uri.joinPath(dist, 'conversations.js')).toString(),
      style: webview.asWebviewUri(vscode.Uri.joinPath(dist, 'conversations.css')).toString(),
      cspSource: webview.cspSource,
      nonce: randomBytes(16).toString('base64url'),
      language: vscode.env.language,
    });
  }

  show(target: PanelTarget): void {
    this.key = keyOf(target);
    this.#target = target;
    this.#panel.reveal();
    this.#postTarget();
  }

  dispose(): void {
    this.#bridge.dispose();
    for (const subscription of this.#subscriptions) subscription.dispose();
  }

  #newBridge(): Bridge {
    const { sidecar, openJson, output } = this.#parts;
    return new Bridge({
      endpoint: () => sidecar.ready,
      fetch,
      post: (message) => {
        this.#post(message);
      },
      ready: () => {
        this.#pageReady = true;
        this.#postConnection();
        this.#postTarget();
      },
      openJson: (requestId, part) => void openJson(requestId, part).then(undefined, tell),
      openLink: (url) => void vscode.env.openExternal(vscode.Uri.parse(url, true)),
      copy: (text) => void vscode.env.clipboard.writeText(text),
      title: (title) => {
        this.#panel.title = oneLine(title) || vscode.l10n.t('Conversations');
      },
      restartSidecar: () => {
        sidecar.restart();
      },
      refused: (why) => {
        output.log.warn(`A panel sent something that is not in the protocol: ${why}`);
      },
    });
  }

  /** A hidden page is thrown away and begins anew, unless it is only covered for a moment: then it has missed events. */
  #shown(): void {
    if (!this.#panel.visible || !this.#missedEvents) return;
    this.#missedEvents = false;
    this.#post({ kind: 'event', event: { name: 'resync', ids: [] } });
  }

  #postTarget(): void {
    if (!this.#pageReady || this.#target === null) return;
    this.#post({ kind: 'show', target: this.#target });
    // Once: a page that is loaded again goes back to where its reader was.
    this.#target = null;
  }

  #postConnection(): void {
    if (!this.#pageReady) return;
    const { state } = this.#parts.sidecar;
    const detail = state.kind === 'down' ? sentence(advise(state.trouble)) : null;
    this.#post({ kind: 'connection', state: state.kind, detail });
  }

  #post(message: HostMessage): void {
    void this.#panel.webview.postMessage(message);
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

function tell(error: unknown): void {
  void vscode.window.showErrorMessage(error instanceof Error ? error.message : String(error));
}
