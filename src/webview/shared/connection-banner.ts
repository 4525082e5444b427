import { html, nothing, type TemplateResult } from 'lit';
import { button } from './controls.ts';
import type { Connection, Host } from './host.ts';
import { icon } from './icon.ts';

/** The strip at the top of every panel while its sidecar is away or starting. */
export function connectionBanner(host: Host, connection: Connection): TemplateResult | typeof nothing {
  const { state, detail } = connection;
  if (state === 'connected') return nothing;
  if (state === 'starting') {
    return html`<div class="banner" role="status">
      ${icon('sync')}<span>${detail ?? 'The sidecar is starting…'}</span>
    </div>`;
  }
  const restart = host.restartSidecar;
  return html`<div class="banner" role="alert">
    ${icon('debug-disconnect')}
    <span class="grow">${detail ?? 'The sidecar is not running: traffic is not recorded.'}</span>
    ${restart ? button({ label: 'Restart sidecar', onClick: restart }) : nothing}
  </div>`;
}
