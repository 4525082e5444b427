import {
  BRIDGE_BODY_LIMIT,
  hostMessage,
  webviewMessage,
  type HostMessage,
  type JsonPart,
  type PanelTarget,
  type WebviewMessage,
} from '../../protocol/bridge.ts';
import type { NexusEvent } from '../../protocol/events.ts';
import { Listeners, type Connection, type Host } from './host.ts';

/** What VS Code puts into a webview. */
export interface VsCodeApi {
  postMessage(message: unknown): void;
  getState(): unknown;
  setState(state: unknown): void;
}

interface Pending {
  resolve: (response: Response) => void;
  reject: (reason: Error) => void;
}

const METHODS = ['GET', 'POST', 'PUT', 'DELETE'] as const;
const NULL_BODY = new Set([101, 204, 205, 304]);

/** The host inside VS Code: everything goes through `postMessage`, schema-checked both ways. */
export function createVsCodeHost(api: VsCodeApi, page: Window = window): Host {
  const events = new Listeners<NexusEvent>();
  const connections = new Listeners<Connection>();
  const shows = new Listeners<PanelTarget>();
  const pending = new Map<number, Pending>();
  let nextId = 1;

  const post = (message: WebviewMessage): void => {
    api.postMessage(webviewMessage.parse(message));
  };

  const settle = (id: number, use: (waiting: Pending) => void): void => {
    const waiting = pending.get(id);
    if (!waiting) return;
    pending.delete(id);
    use(waiting);
  };

  const receive = (message: HostMessage): void => {
    switch (message.kind) {
      case 'response':
        settle(message.id, ({ resolve }) => {
          const body = NULL_BODY.has(message.status) ? null : message.body;
          resolve(
            new Response(body, { status: message.status, headers: { 'content-type': message.contentType } }),
          );
        });
        return;
      case 'failure':
        settle(message.id, ({ reject }) => {
          reject(new Error(message.message));
        });
        return;
      case 'event':
        events.emit(message.event);
        return;
      case 'show':
        shows.emit(message.target);
        return;
      case 'connection':
        connections.emit({ state: message.state, detail: message.detail });
    }
  };

  page.addEventListener('message', (event: MessageEvent) => {
    const parsed = hostMessage.safeParse(event.data);
    if (parsed.success) receive(parsed.data);
  });

  return {
    fetch(path, init = {}) {
      const { signal } = init;
      const method = METHODS.find((name) => name === (init.method ?? 'GET').toUpperCase());
      const body = typeof init.body === 'string' ? init.body : undefined;
      if (!method) {
        return Promise.reject(new TypeError(`The bridge carries no ${init.method ?? ''} requests.`));
      }
      if (body !== undefined && body.length > BRIDGE_BODY_LIMIT) {
        return Promise.reject(new TypeError('The request is larger than the bridge carries.'));
      }
      return new Promise<Response>((resolve, reject) => {
        if (signal?.aborted) {
          reject(new DOMException('Aborted', 'AbortError'));
          return;
        }
        const id = nextId++;
        pending.set(id, { resolve, reject });
        signal?.addEventListener('abort', () => {
          settle(id, () => {
            post({ kind: 'abort', id });
            reject(new DOMException('Aborted', 'AbortError'));
          });
        });
        post({ kind: 'fetch', id, method, path, ...(body === undefined ? {} : { body }) });
      });
    },
    onEvent: (listener) => events.add(listener),
    onConnection: (listener) => connections.add(listener),
    onShow: (listener) => shows.add(listener),
    openJson(requestId: string, part: JsonPart) {
      post({ kind: 'open-json', requestId, part });
    },
    exportFile(what) {
      post({
        kind: 'export',
        what: 'requestId' in what ? what : { ...what, title: what.title.slice(0, 1000) },
      });
    },
    compare(requestId, withId) {
      post({ kind: 'compare', requestId, withId });
    },
    openConversation({ conversationId, requestId }) {
      post({ kind: 'open', conversationId, requestId });
    },
    openLink(url) {
      const message = webviewMessage.safeParse({ kind: 'open-link', url });
      if (message.success) post(message.data);
    },
    copy(text) {
      post({ kind: 'copy', text: text.slice(0, BRIDGE_BODY_LIMIT) });
    },
    setTitle(title) {
      post({ kind: 'title', title: title.slice(0, 200) });
    },
    restartSidecar() {
      post({ kind: 'restart-sidecar' });
    },
    openPage: null,
    linkTo(conversationId, requestId) {
      const turn = requestId === null ? '' : `?turn=${encodeURIComponent(requestId)}`;
      return `vscode://claude-nexus.claude-nexus/conversation/${encodeURIComponent(conversationId)}${turn}`;
    },
    ready() {
      post({ kind: 'ready' });
    },
    navigated() {
      // The state is enough: VS Code has no address bar.
    },
    get state() {
      return api.getState();
    },
    set state(value: unknown) {
      api.setState(value);
    },
  };
}
