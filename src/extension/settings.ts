import * as vscode from 'vscode';
import { settingsFrom, type Settings } from './settings-values.ts';

/** The settings as they are now. */
export function readSettings(): Settings {
  return settingsFrom(
    vscode.workspace.getConfiguration('claudeNexus'),
    vscode.workspace.getConfiguration('http'),
  );
}

/** Whether a change touches what a running sidecar was started with. */
export function changesSidecar(event: vscode.ConfigurationChangeEvent): boolean {
  return STARTED_WITH.some((name) => event.affectsConfiguration(name));
}

/** Settings, or groups of them. */
const STARTED_WITH = [
  'claudeNexus.upstream',
  'claudeNexus.databaseUrl',
  'claudeNexus.dataDir',
  'claudeNexus.port',
  'claudeNexus.requirePathKey',
  'claudeNexus.recording',
  'claudeNexus.redactBodies',
  'claudeNexus.retention',
  'http.proxy',
  'http.noProxy',
  'http.proxyStrictSSL',
  'http.systemCertificates',
];
