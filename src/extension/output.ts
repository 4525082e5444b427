import * as vscode from 'vscode';
import { followLog } from './log-tail.ts';
import type { SidecarState } from './sidecar-supervisor.ts';

/** The output channel `Claude Nexus`: what this window does, and the sidecar's own log. */
export interface Output {
  readonly log: vscode.LogOutputChannel;
  state(state: SidecarState): void;
}

export function registerOutput(context: vscode.ExtensionContext): Output {
  const log = vscode.window.createOutputChannel('Claude Nexus', { log: true });
  let followed: { file: string; stop: () => void } | null = null;
  const unfollow = (): void => {
    followed?.stop();
    followed = null;
  };
  context.subscriptions.push(
    log,
    { dispose: unfollow },
    vscode.commands.registerCommand('claudeNexus.showOutput', () => {
      log.show();
    }),
  );
  return {
    log,
    state: (state) => {
      if (state.kind === 'starting') log.info('Starting or looking for the sidecar.');
      if (state.kind === 'down') log.error(downText(state));
      if (state.kind !== 'connected') return;
      const { ready } = state;
      log.info(
        `${ready.attached ? 'Attached to' : 'Started'} the sidecar ${ready.version} at ${ready.url} (process ${String(ready.pid)}).`,
      );
      if (ready.logFile === undefined || ready.logFile === followed?.file) return;
      unfollow();
      followed = {
        file: ready.logFile,
        stop: followLog(ready.logFile, (entry) => {
          log[entry.level](`[sidecar] ${entry.text}`);
        }),
      };
    },
  };
}

function downText(state: SidecarState & { kind: 'down' }): string {
  const seconds = Math.round((state.retryInMs ?? 0) / 1000);
  const soon = seconds === 0 ? ' Starting it again.' : ` Trying again in ${String(seconds)} s.`;
  const again = state.retryInMs === null ? '' : soon;
  return `The sidecar is not there (${state.trouble.code}): ${state.trouble.detail}${again}`;
}
