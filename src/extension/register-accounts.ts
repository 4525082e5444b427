import type * as vscode from 'vscode';
import { registerAccountCommands } from './account-commands.ts';
import { registerAccountsView } from './accounts-view.ts';
import { ApiKeys, machineName } from './api-keys.ts';
import type { ControlApi } from './control-api.ts';
import { CredentialsApi } from './credentials-api.ts';
import type { Events } from './events.ts';
import type { Output } from './output.ts';
import type { Sidecar } from './sidecar-process.ts';

/** Accounts and keys: the view in the side bar, its commands, and the keys that VS Code keeps. */
export function registerAccounts(
  context: vscode.ExtensionContext,
  parts: { sidecar: Sidecar; events: Events; api: ControlApi; output: Output },
): void {
  const { secrets, globalStorageUri } = context;
  const api = new CredentialsApi(() => parts.api.client());
  const keys = new ApiKeys(secrets, () => machineName(globalStorageUri.fsPath));
  const view = registerAccountsView(context, { ...parts, api, keys, secrets });
  registerAccountCommands(context, { api, keys, view, output: parts.output });
}
