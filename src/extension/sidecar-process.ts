import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import * as vscode from 'vscode';
import { PROTOCOL_VERSION, type ReadyLine } from '../protocol/status.ts';
import type { Output } from './output.ts';
import { changesSidecar, readSettings } from './settings.ts';
import { answers, endSidecar, pause } from './sidecar-health.ts';
import { launchSidecar } from './sidecar-launch.ts';
import { SidecarSupervisor, type SidecarState } from './sidecar-supervisor.ts';

/** Cold start with a new database on a slow machine takes seconds; after this long something is wrong. */
const START_TIMEOUT_MS = 60_000;

/** The one sidecar of this machine and user, as every feature of this window sees it. */
export interface Sidecar {
  readonly state: SidecarState;
  readonly onDidChangeState: vscode.Event<SidecarState>;
  /** The connected sidecar, or null. */
  readonly ready: ReadyLine | null;
  /** To be called by whoever loses the connection. */
  lost(): void;
  restart(): void;
}

/** Finds or starts the sidecar and keeps it reachable while the window lives. Returns at once. */
export function registerSidecar(context: vscode.ExtensionContext, output: Output): Sidecar {
  const changed = new vscode.EventEmitter<SidecarState>();
  const supervisor = new SidecarSupervisor(
    {
      launch: (signal) =>
        launchSidecar({
          node: process.execPath,
          script: join(context.extensionPath, 'dist', 'sidecar.mjs'),
          options: readSettings(),
          cwd: context.globalStorageUri.fsPath,
          stderrFile: join(context.logUri.fsPath, 'sidecar-start.log'),
          env: process.env,
          timeoutMs: START_TIMEOUT_MS,
          signal,
        }),
      answers,
      end: endSidecar,
      wait: pause,
      now: () => performance.now(),
      onState: (state) => {
        output.state(state);
        changed.fire(state);
      },
    },
    { version: extensionVersion(context), protocolVersion: PROTOCOL_VERSION },
  );
  const begin = (): void => {
    if (readSettings().enabled) void supervisor.start();
    else supervisor.stop({ code: 'switched_off', detail: 'Switched off in the settings.' });
  };
  context.subscriptions.push(
    changed,
    supervisor,
    vscode.commands.registerCommand('claudeNexus.restartSidecar', () => {
      if (readSettings().enabled) void supervisor.restart();
      else begin();
    }),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration('claudeNexus.enabled')) begin();
      // One window is enough: the others notice that the old one has gone and attach to the new one.
      else if (changesSidecar(event) && vscode.window.state.focused) void supervisor.restart();
    }),
  );
  // After `activate`, so that every feature has registered and hears the first state.
  setImmediate(begin);
  return {
    get state() {
      return supervisor.state;
    },
    onDidChangeState: changed.event,
    get ready() {
      return supervisor.state.kind === 'connected' ? supervisor.state.ready : null;
    },
    lost: () => void supervisor.lost(),
    restart: () => void supervisor.restart(),
  };
}

function extensionVersion(context: vscode.ExtensionContext): string {
  const manifest: unknown = context.extension.packageJSON;
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest
    ? String(manifest.version)
    : '0.0.0';
}
