import type { ConnectionState, PanelTarget } from '../../protocol/bridge.ts';
import { eventName, nexusEvent, type NexusEvent } from '../../protocol/events.ts';
import { followColourScheme } from './browser-theme.ts';
import { Listeners, type Connection, type Host } from './host.ts';

const STATE_KEY = 'claude-nexus.conversations';
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** What the address of the page asks for: `/ui/conversations?id=…&turn=…`. */
function targetOfUrl(url: URL): PanelTarget {
  const known = (value: string | null): string | null => (value !== null && uuid.test(value) ? value : null);
  const conversationId = known(url.searchParams.get('id'));
  return { conversationId, requestId: conversationId === null ? null : known(url.searchParams.get('turn')) };
}

function conversationUrl(page: Window, conversationId: string, requestId: string | null): string {
  const url = new URL('/ui/conversations', page.location.href);
  url.searchParams.set('id', conversationId);
  if (requestId !== null) url.searchParams.set('turn', requestId);
  return url.href;
}

function readState(): unknown {
  const text = sessionStorage.getItem(STATE_KEY);
  if (text === null) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    console.warn('The saved state of this panel was not JSON and is dropped.', error);
    return undefined;
  }
}

/** The host in a browser tab under `/ui`: the session cookie authenticates, events come straight from the sidecar. */
export function createBrowserHost(page: Window = window): Host {
  const events = new Listeners<NexusEvent>();
  const connections = new Listeners<Connection>();
  followColourScheme(page);
  const shows = new Listeners<PanelTarget>();

  const connection = (state: ConnectionState): void => {
    const detail = state === 'down' ? 'The sidecar does not answer. This page reconnects by itself.' : null;
    connections.emit({ state, detail });
  };

  const subscribe = (): void => {
    const source = new EventSource('/api/events');
    source.addEventListener('open', () => {
      connection('connected');
    });
    source.addEventListener('error', () => {
      connection('down');
    });
    for (const name of eventName.options) {
      source.addEventListener(name, (message: MessageEvent<string>) => {
        const parsed = nexusEvent.safeParse({ name, ...(JSON.parse(message.data) as object) });
        if (parsed.success) events.emit(parsed.data);
      });
    }
  };

  return {
    fetch: (path, init) => fetch(path, { ...init, credentials: 'same-origin' }),
    onEvent: (listener) => events.add(listener),
    onConnection: (listener) => connections.add(listener),
    onShow: (listener) => shows.add(listener),
    openJson(requestId, part) {
      const path = `/api/requests/${encodeURIComponent(requestId)}/document?part=${part}`;
      page.open(path, '_blank', 'noopener');
    },
    exportFile: null,
    compare(requestId, withId) {
      const other = withId === null ? '' : `?with=${encodeURIComponent(withId)}`;
      page.open(`/api/requests/${encodeURIComponent(requestId)}/diff${other}`, '_blank', 'noopener');
    },
    openConversation({ conversationId, requestId }) {
      page.location.assign(conversationUrl(page, conversationId, requestId));
    },
    openLink(url) {
      if (/^https?:\/\//i.test(url)) page.open(url, '_blank', 'noopener,noreferrer');
    },
    copy(text) {
      navigator.clipboard.writeText(text).catch((error: unknown) => {
        console.warn('The browser did not let the page copy.', error);
      });
    },
    setTitle(title) {
      page.document.title = `${title} · Claude Nexus`;
    },
    restartSidecar: null,
    openPage(name) {
      page.location.assign(`/ui/${name}`);
    },
    linkTo: (conversationId, requestId) => conversationUrl(page, conversationId, requestId),
    ready() {
      subscribe();
      page.addEventListener('popstate', () => {
        shows.emit(targetOfUrl(new URL(page.location.href)));
      });
      shows.emit(targetOfUrl(new URL(page.location.href)));
    },
    navigated(target) {
      const now = targetOfUrl(new URL(page.location.href));
      const url = new URL('/ui/conversations', page.location.href);
      if (target.conversationId !== null) url.searchParams.set('id', target.conversationId);
      if (target.requestId !== null) url.searchParams.set('turn', target.requestId);
      // Going from turn to turn is no step back in history.
      if (now.conversationId === target.conversationId) page.history.replaceState(null, '', url);
      else page.history.pushState(null, '', url);
    },
    get state() {
      return readState();
    },
    set state(value: unknown) {
      sessionStorage.setItem(STATE_KEY, JSON.stringify(value));
    },
  };
}
