import { html, type TemplateResult } from 'lit';
import type { ExportTarget } from '../../protocol/bridge.ts';
import type { ExportFormat, RedactMode } from '../../protocol/export.ts';
import type { Host } from './host.ts';
import { icon, iconButton } from './icon.ts';
import './export-menu.css';

/** In VS Code a button whose questions the editor asks; in a browser a menu of files to download. */
export function exportMenu(host: Host, what: ExportTarget): TemplateResult {
  const { exportFile } = host;
  const title = 'requestId' in what ? 'Export request JSON' : 'Export conversation';
  if (exportFile !== null) {
    return iconButton({
      name: 'desktop-download',
      title: `${title}…`,
      onClick: () => {
        exportFile(what);
      },
    });
  }
  return html`<details
    class="export-menu"
    @keydown=${(event: KeyboardEvent) => {
      const menu = event.currentTarget as HTMLDetailsElement;
      if (event.key !== 'Escape' || !menu.open) return;
      event.stopPropagation();
      menu.open = false;
      menu.querySelector('summary')?.focus();
    }}
    @focusout=${(event: FocusEvent) => {
      const menu = event.currentTarget as HTMLDetailsElement;
      if (event.relatedTarget instanceof Node && !menu.contains(event.relatedTarget)) menu.open = false;
    }}
  >
    <summary class="icon-button" title=${title} aria-label=${title}>${icon('desktop-download')}</summary>
    <div class="export-choices">
      ${links('Export', what, 'own')} ${links('Recognised secrets masked', what, 'all')}
    </div>
  </details>`;
}

const FORMATS: [ExportFormat, string][] = [
  ['md', 'Markdown'],
  ['html', 'HTML'],
  ['json', 'JSON'],
];

function links(label: string, what: ExportTarget, redact: RedactMode): TemplateResult {
  const formats = FORMATS.filter(([format]) => format === 'json' || !('requestId' in what));
  return html`<div role="group" aria-label=${label}>
    <span class="dim">${label}</span>
    ${formats.map(([format, name]) => html`<a download href=${exportPath(what, format, redact)}>${name}</a>`)}
  </div>`;
}

function exportPath(what: ExportTarget, format: ExportFormat, redact: RedactMode): string {
  return 'requestId' in what
    ? `/api/requests/${encodeURIComponent(what.requestId)}/export?redact=${redact}`
    : `/api/conversations/${encodeURIComponent(what.conversationId)}/export?format=${format}&redact=${redact}`;
}
