import * as vscode from 'vscode';
import type { NetworkOptions, SidecarOptions } from './sidecar-launch.ts';

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
    network: readNetwork(),
  };
}

/**
 * VS Code's proxy settings, as the user or the machine has set them: what a workspace says is not asked for, since it
 * would decide where credentials go.
 */
function readNetwork(): NetworkOptions {
  const values = vscode.workspace.getConfiguration('http');
  const machine = <T>(name: string, otherwise: T): T => {
    const found = values.inspect<T>(name);
    return found?.globalValue ?? found?.defaultValue ?? otherwise;
  };
  return {
    proxy: machine<string>('proxySupport', 'override') === 'off' ? '' : machine('proxy', '').trim(),
    noProxy: machine<string[]>('noProxy', []),
    proxyStrictSsl: machine('proxyStrictSSL', true),
    systemCertificates: machine('systemCertificates', true),
  };
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
  'claudeNexus.recording',
  'claudeNexus.redactBodies',
  'claudeNexus.retention',
  'http.proxy',
  'http.noProxy',
  'http.proxyStrictSSL',
  'http.systemCertificates',
];
