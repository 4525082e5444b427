import { randomUUID } from 'node:crypto';
import * as vscode from 'vscode';
import { subscribe } from '../client/subscribe.ts';
import type { NexusEvent } from '../protocol/events.ts';
import type { Output } from './output.ts';
import type { Sidecar } from './sidecar-process.ts';

/** The sidecar's events, for every feature of this window. */
export interface Events {
  readonly onEvent: vscode.Event<NexusEvent>;
}

/**
 * The one subscription of this window. It is also what keeps the sidecar alive (it names the window), and the first to
 * notice when it has gone.
 */
export function registerEvents(context: vscode.ExtensionContext, sidecar: Sidecar, output: Output): Events {
  const emitter = new vscode.EventEmitter<NexusEvent>();
  const windowId = randomUUID();
  let running = new AbortController();

  const follow = (): void => {
    running.abort();
    running = new AbortController();
    const { ready } = sidecar;
    if (ready === null) return;
    const { signal } = running;
    void subscribe({
      url: new URL('/api/events', ready.url).href,
      token: ready.token,
      fetch,
      window: windowId,
      onEvent: (event) => {
        emitter.fire(event);
      },
      onState: (state, detail) => {
        output.log.debug(`Event stream: ${detail ?? state}`);
        if (state === 'down' && !signal.aborted) sidecar.lost();
      },
      signal,
    });
  };
  context.subscriptions.push(emitter, sidecar.onDidChangeState(follow), {
    dispose: () => {
      running.abort();
    },
  });
  return { onEvent: emitter.event };
}
