import * as vscode from 'vscode';
import type { SidecarOptions } from './sidecar-launch.ts';

/** The settings under `claudeNexus.`; all machine-scoped, so no workspace can change where traffic goes. */
export interface Settings extends SidecarOptions {
  readonly enabled: boolean;
  readonly routeTerminals: boolean;
}

export function readSettings(): Settings {
  const values = vscode.workspace.getConfiguration('claudeNexus');
  return {
    enabled: values.get('enabled', true),
    routeTerminals: values.get('routeTerminals', true),
    upstream: values.get('upstream', '').trim(),
    databaseUrl: values.get('databaseUrl', '').trim(),
    dataDir: values.get('dataDir', '').trim(),
    port: values.get('port', 0),
    recording: values.get('recording.enabled', true),
    redactBodies: values.get('redactBodies', 'own'),
    retentionDays: values.get('retention.days', 0),
    retentionMegabytes: values.get('retention.megabytes', 0),
  };
}

/** Whether a change touches what a running sidecar was started with. */
export function changesSidecar(event: vscode.ConfigurationChangeEvent): boolean {
  return STARTED_WITH.some((name) => event.affectsConfiguration(`claudeNexus.${name}`));
}

/** Settings, or groups of them. */
const STARTED_WITH = ['upstream', 'databaseUrl', 'dataDir', 'port', 'recording', 'redactBodies', 'retention'];
