import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';
import type { HostMessage } from '../protocol/bridge.ts';
import { Bridge } from './bridge.ts';
import type { Events } from './events.ts';
import type { OpenJson } from './json-documents.ts';
import { sentence } from './notices.ts';
import { oneLine } from './one-line.ts';
import type { Output } from './output.ts';
import { panelHtml } from './panel-html.ts';
import { advise } from './problems.ts';
import type { Sidecar } from './sidecar-process.ts';

export interface PanelParts {
  readonly sidecar: Sidecar;
  readonly events: Events;
  readonly openJson: OpenJson;
  readonly output: Output;
}

/** Which page a panel loads: the name of its bundle, its element, and its title until it gives itself one. */
export interface PanelKind {
  readonly bundle: 'conversations' | 'requests' | 'storage';
  readonly element: string;
  readonly title: string;
}

/**
 * One webview of any panel: its page, its bridge, the sidecar's state, and the events it gets while it is visible.
 * `onReady`: the page has begun (again) and takes messages.
 */
export class PanelPage {
  readonly #panel: vscode.WebviewPanel;
  readonly #parts: PanelParts;
  readonly #kind: PanelKind;
  readonly #bridge: Bridge;
  readonly #subscriptions: vscode.Disposable[];
  #ready = false;
  #missedEvents = false;

  constructor(
    extensionUri: vscode.Uri,
    panel: vscode.WebviewPanel,
    kind: PanelKind,
    parts: PanelParts,
    onReady: () => void,
  ) {
    this.#panel = panel;
    this.#parts = parts;
    this.#kind = kind;
    this.#bridge = this.#newBridge(onReady);
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
        if (panel.visible) this.post({ kind: 'event', event });
        else this.#missedEvents = true;
      }),
    ];
    const dist = vscode.Uri.joinPath(extensionUri, 'dist', 'webview');
    webview.options = { enableScripts: true, enableForms: false, localResourceRoots: [dist] };
    webview.html = panelHtml({
      script: webview.asWebviewUri(vscode.Uri.joinPath(dist, `${kind.bundle}.js`)).toString(),
      style: webview.asWebviewUri(vscode.Uri.joinPath(dist, `${kind.bundle}.css`)).toString(),
      cspSource: webview.cspSource,
      nonce: randomBytes(16).toString('base64url'),
      language: vscode.env.language,
      element: kind.element,
    });
  }

  /** Whether the page takes messages. */
  get ready(): boolean {
    return this.#ready;
  }

  post(message: HostMessage): void {
    void this.#panel.webview.postMessage(message);
  }

  dispose(): void {
    this.#bridge.dispose();
    for (const subscription of this.#subscriptions) subscription.dispose();
  }

  #newBridge(onReady: () => void): Bridge {
    const { sidecar, openJson, output } = this.#parts;
    return new Bridge({
      endpoint: () => sidecar.ready,
      fetch,
      post: (message) => {
        this.post(message);
      },
      ready: () => {
        this.#ready = true;
        this.#postConnection();
        onReady();
      },
      openJson: (requestId, part) => void openJson(requestId, part).then(undefined, tell),
      openLink: (url) => void vscode.env.openExternal(vscode.Uri.parse(url, true)),
      copy: (text) => void vscode.env.clipboard.writeText(text),
      title: (title) => {
        this.#panel.title = oneLine(title) || this.#kind.title;
      },
      restartSidecar: () => {
        sidecar.restart();
      },
      export: (what) =>
        void vscode.commands.executeCommand(
          'requestId' in what ? 'claudeNexus.exportRequest' : 'claudeNexus.exportConversation',
          what,
        ),
      compare: (requestId, withId) =>
        void vscode.commands.executeCommand(
          withId === null ? 'claudeNexus.compareWithPrevious' : 'claudeNexus.compareRequests',
          { requestId, withId },
        ),
      open: (target) => void vscode.commands.executeCommand('claudeNexus.openConversation', target),
      refused: (why) => {
        output.log.warn(`A panel sent something that is not in the protocol: ${why}`);
      },
    });
  }

  /** A hidden page is thrown away and begins anew, unless it is only covered for a moment: then it has missed events. */
  #shown(): void {
    if (!this.#panel.visible || !this.#missedEvents) return;
    this.#missedEvents = false;
    this.post({ kind: 'event', event: { name: 'resync', ids: [] } });
  }

  #postConnection(): void {
    if (!this.#ready) return;
    const { state } = this.#parts.sidecar;
    const detail = state.kind === 'down' ? sentence(advise(state.trouble)) : null;
    this.post({ kind: 'connection', state: state.kind, detail });
  }
}

function tell(error: unknown): void {
  void vscode.window.showErrorMessage(error instanceof Error ? error.message : String(error));
}
