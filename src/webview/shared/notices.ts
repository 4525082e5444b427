import { html, nothing, type TemplateResult } from 'lit';
import { icon } from './icon.ts';

/** A state of a whole view: what it is, what it means, what to do. */
export function notice(options: {
  icon: string;
  title: string;
  text: TemplateResult | string;
  actions?: TemplateResult;
  role?: 'status' | 'alert';
}): TemplateResult {
  return html`<div class="notice" role=${options.role ?? 'status'}>
    ${icon(options.icon)}
    <h2>${options.title}</h2>
    <p>${options.text}</p>
    ${options.actions ? html`<div class="actions">${options.actions}</div>` : nothing}
  </div>`;
}
