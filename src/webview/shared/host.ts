import type { ConnectionState, ExportTarget, JsonPart, PanelTarget } from '../../protocol/bridge.ts';
import type { NexusEvent } from '../../protocol/events.ts';

/** Takes a listener off again. */
export type Unsubscribe = () => void;

export interface Connection {
  state: ConnectionState;
  /** What happened and what to do, in one sentence; null when there is nothing to say. */
  detail: string | null;
}

/**
 * What a panel needs of the place it runs in: VS Code, or a browser tab served by the sidecar. Panels know nothing
 * else of their surroundings, so the same bundle runs in both and in tests.
 */
export interface Host {
  /** Fetches a path under `/api/`. Rejects when the sidecar cannot be reached; honours `signal`. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  onEvent(listener: (event: NexusEvent) => void): Unsubscribe;
  onConnection(listener: (connection: Connection) => void): Unsubscribe;
  /** The host asks for a conversation, a turn of it, or the list. */
  onShow(listener: (target: PanelTarget) => void): Unsubscribe;
  /** Opens a part of a request as a read-only JSON document. */
  openJson(requestId: string, part: JsonPart): void;
  /** Asks where to and in which format, and writes it; null where files are downloaded by a link (a browser). */
  exportFile: ((what: ExportTarget) => void) | null;
  /** Shows how two requests differ; `withId: null`: from the turn before it. */
  compare(requestId: string, withId: string | null): void;
  /** Goes to a conversation in the panel of conversations. */
  openConversation(target: { conversationId: string; requestId: string | null }): void;
  /** Opens an http(s) link outside the panel; anything else is ignored. */
  openLink(url: string): void;
  copy(text: string): void;
  setTitle(title: string): void;
  /** null where the panel has no say over the sidecar (a browser). */
  restartSidecar: (() => void) | null;
  /** Goes to another page of ours; null where each has its own panel (VS Code). */
  openPage: ((page: 'conversations' | 'requests' | 'storage') => void) | null;
  /** A link that opens this conversation, and a turn of it, in the place the panel runs in. */
  linkTo(conversationId: string, requestId: string | null): string;
  /** Tells that everything is wired: from now on events and targets arrive. */
  ready(): void;
  /** Tells where the user went, for places that have an address bar. */
  navigated(target: PanelTarget): void;
  /** Navigation and other state of the surface, kept over a reload; never domain data. */
  state: unknown;
}

/** A list of listeners: the one thing both hosts share. */
export class Listeners<T> {
  #listeners = new Set<(value: T) => void>();

  add(listener: (value: T) => void): Unsubscribe {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  emit(value: T): void {
    for (const listener of [...this.#listeners]) listener(value);
  }
}
