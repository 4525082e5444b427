import {
  BRIDGE_BODY_LIMIT,
  webviewMessage,
  type ExportTarget,
  type HostMessage,
  type JsonPart,
  type PanelTarget,
  type WebviewMessage,
} from '../protocol/bridge.ts';

/** Where the sidecar answers and with what token. The token stays on this side of the bridge. */
export interface Endpoint {
  readonly url: string;
  readonly token: string;
}

/** What a panel may ask of the editor, and the way back. */
export interface BridgePorts {
  endpoint(): Endpoint | null;
  fetch: typeof fetch;
  post(message: HostMessage): void;
  ready(): void;
  openJson(requestId: string, part: JsonPart): void;
  openLink(url: string): void;
  copy(text: string): void;
  title(title: string): void;
  restartSidecar(): void;
  export(what: ExportTarget): void;
  /** `withId: null`: with the turn before it. */
  compare(requestId: string, withId: string | null): void;
  /** In the panel of conversations. */
  open(target: PanelTarget): void;
  /** A message that is not part of the protocol: dropped, and said in the log. */
  refused(why: string): void;
}

/** More requests at once than any panel needs. */
const MOST_AT_ONCE = 32;
const TIMEOUT_MS = 60_000;

/** The host's end of one panel's pipe: checks every message, adds the token, lets only `/api/` through. */
export class Bridge {
  readonly #ports: BridgePorts;
  readonly #running = new Map<number, AbortController>();

  constructor(ports: BridgePorts) {
    this.#ports = ports;
  }

  /** Takes a message of the page as it came. */
  receive(raw: unknown): void {
    const parsed = webviewMessage.safeParse(raw);
    if (!parsed.success) {
      this.#ports.refused(parsed.error.issues[0]?.message ?? 'not a message');
      return;
    }
    this.#handle(parsed.data);
  }

  /** Ends what is under way; nothing is posted afterwards. */
  dispose(): void {
    for (const controller of this.#running.values()) controller.abort();
    this.#running.clear();
  }

  #handle(message: WebviewMessage): void {
    switch (message.kind) {
      case 'ready':
        // A page that begins anew has forgotten what it asked before.
        this.dispose();
        this.#ports.ready();
        break;
      case 'fetch':
        void this.#fetch(message);
        break;
      case 'abort':
        this.#running.get(message.id)?.abort();
        this.#running.delete(message.id);
        break;
      case 'open-json':
        this.#ports.openJson(message.requestId, message.part);
        break;
      case 'open-link':
        this.#ports.openLink(message.url);
        break;
      case 'copy':
        this.#ports.copy(message.text);
        break;
      case 'title':
        this.#ports.title(message.title);
        break;
      case 'restart-sidecar':
        this.#ports.restartSidecar();
        break;
      case 'export':
        this.#ports.export(message.what);
        break;
      case 'compare':
        this.#ports.compare(message.requestId, message.withId);
        break;
      case 'open':
        this.#ports.open({ conversationId: message.conversationId, requestId: message.requestId });
        break;
    }
  }

  async #fetch(message: WebviewMessage & { kind: 'fetch' }): Promise<void> {
    const { id } = message;
    const failure = (text: string): void => {
      this.#ports.post({ kind: 'failure', id, message: text });
    };
    const endpoint = this.#ports.endpoint();
    if (endpoint === null) {
      failure('Claude Nexus is not running.');
      return;
    }
    const url = apiUrl(endpoint.url, message.path);
    if (url === null) {
      failure('Panels can only ask the control API.');
      return;
    }
    if (this.#running.has(id) || this.#running.size >= MOST_AT_ONCE) {
      failure('Too many requests at once.');
      return;
    }
    const controller = new AbortController();
    this.#running.set(id, controller);
    try {
      const response = await this.#ports.fetch(url, {
        method: message.method,
        headers: {
          authorization: `Bearer ${endpoint.token}`,
          ...(message.method === 'GET' ? {} : { 'content-type': 'application/json' }),
        },
        ...(message.body === undefined ? {} : { body: message.body }),
        redirect: 'error',
        signal: AbortSignal.any([controller.signal, AbortSignal.timeout(TIMEOUT_MS)]),
      });
      const body = await limitedText(response, BRIDGE_BODY_LIMIT);
      if (!this.#isRunning(id, controller)) return;
      if (body === null) {
        controller.abort();
        failure('The answer is too large for a panel.');
      } else {
        const contentType = response.headers.get('content-type') ?? '';
        this.#ports.post({ kind: 'response', id, status: response.status, contentType, body });
      }
    } catch (error) {
      if (this.#isRunning(id, controller)) failure(error instanceof Error ? error.message : String(error));
    } finally {
      if (this.#running.get(id) === controller) this.#running.delete(id);
    }
  }

  /** False once the page has aborted the request or is gone. */
  #isRunning(id: number, controller: AbortController): boolean {
    return this.#running.get(id) === controller;
  }
}

/**
 * The URL of an `/api/` path, or null. Judged after the URL has been normalised, so no `..` in any spelling leads out;
 * an encoded slash or backslash is refused because servers disagree on what it means. The event stream never ends and
 * is the host's own.
 */
export function apiUrl(origin: string, path: string): URL | null {
  if (!URL.canParse(path, origin)) return null;
  const url = new URL(path, origin);
  const sound =
    url.origin === new URL(origin).origin &&
    url.pathname.startsWith('/api/') &&
    !/%2f|%5c|%00|\/\//i.test(url.pathname) &&
    url.pathname !== '/api/events' &&
    url.hash === '';
  return sound ? url : null;
}

/** The body as text, or null where it is longer than `limit` bytes; then the rest is not read. */
async function limitedText(response: Response, limit: number): Promise<string | null> {
  if (response.body === null) return '';
  const decoder = new TextDecoder();
  let text = '';
  let size = 0;
  const chunks: AsyncIterable<Uint8Array> = response.body;
  for await (const chunk of chunks) {
    size += chunk.byteLength;
    if (size > limit) return null;
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
