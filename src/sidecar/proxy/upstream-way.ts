import type { Log } from '../log.ts';
import { systemCertificates } from './certificates.ts';
import { proxyFor, type ProxyRules } from './network.ts';
import type { Way } from './upstream.ts';

/** What the configuration says of the network between this machine and the upstream (SPEC 1.11). */
export interface NetworkSettings {
  readonly proxyRules: ProxyRules;
  /** False: certificates that come through the proxy are not checked. */
  readonly proxyStrictSsl: boolean;
  readonly systemCertificates: boolean;
}

/** The way to an origin; undefined for http, which goes to this machine. */
export function wayTo(origin: string, settings: NetworkSettings, log: Log): Way | undefined {
  if (!origin.startsWith('https:')) return undefined;
  return {
    proxy: proxyFor(origin, settings.proxyRules),
    verify: settings.proxyStrictSsl,
    system: settings.systemCertificates ? systemCertificates(log) : null,
  };
}

/** Says once, at the start, what is worth knowing of the way to the upstream. */
export function tellWay(way: Way | undefined, settings: NetworkSettings, log: Log): void {
  for (const { variable, why } of settings.proxyRules.ignored) {
    log.warn('A proxy setting has no effect', { variable, why });
  }
  const proxy = way?.proxy ?? null;
  if (proxy === null) return;
  const where = { proxy: `${proxy.host}:${String(proxy.port)}`, variable: proxy.variable };
  log.info('The upstream is reached through a proxy', where);
  if (settings.proxyStrictSsl) return;
  log.warn(
    'Certificates that come through the proxy are not checked: whoever is between can read the traffic',
    where,
  );
}
