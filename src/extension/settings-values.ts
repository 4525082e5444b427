import type { NetworkOptions, SidecarOptions } from './sidecar-launch.ts';

/** The settings under `claudeNexus.`; all machine-scoped, so no workspace can change where traffic goes. */
export interface Settings extends SidecarOptions {
  readonly enabled: boolean;
  readonly routeTerminals: boolean;
}

/** One group of VS Code's configuration, as far as it is used here. */
export interface Values {
  inspect<T>(name: string): { globalValue?: T; defaultValue?: T } | undefined;
}

/**
 * Reads the settings as the user or the machine has set them. What a workspace says is not asked for at all, although
 * VS Code would not pass it on for a machine-scoped setting: it would decide where credentials go.
 */
export function settingsFrom(own: Values, http: Values): Settings {
  return {
    enabled: machine(own, 'enabled', true),
    routeTerminals: machine(own, 'routeTerminals', true),
    upstream: machine(own, 'upstream', '').trim(),
    databaseUrl: machine(own, 'databaseUrl', '').trim(),
    dataDir: machine(own, 'dataDir', '').trim(),
    port: machine(own, 'port', 0),
    requirePathKey: machine(own, 'requirePathKey', true),
    recording: machine(own, 'recording.enabled', true),
    redactBodies: machine<string>(own, 'redactBodies', 'own'),
    retentionDays: machine(own, 'retention.days', 0),
    retentionMegabytes: machine(own, 'retention.megabytes', 0),
    network: networkFrom(http),
  };
}

/** VS Code's proxy settings (not machine-scoped: a workspace may have its own for other extensions). */
function networkFrom(http: Values): NetworkOptions {
  return {
    proxy:
      machine<string>(http, 'proxySupport', 'override') === 'off' ? '' : machine(http, 'proxy', '').trim(),
    noProxy: machine<string[]>(http, 'noProxy', []),
    proxyStrictSsl: machine(http, 'proxyStrictSSL', true),
    systemCertificates: machine(http, 'systemCertificates', true),
  };
}

function machine<T>(values: Values, name: string, otherwise: T): T {
  const found = values.inspect<T>(name);
  return found?.globalValue ?? found?.defaultValue ?? otherwise;
}
