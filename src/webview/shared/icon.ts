import { html, nothing, type TemplateResult } from 'lit';

/** A codicon. With a label it is announced, without it is decoration. */
export function icon(name: string, label?: string, extra = ''): TemplateResult {
  return html`<span
    class="codicon codicon-${name} ${extra}"
    role=${label ? 'img' : nothing}
    aria-label=${label ?? nothing}
    aria-hidden=${label ? nothing : 'true'}
  ></span>`;
}

/** An icon-only button: every one has a tooltip, with its key where it has one. */
export function iconButton(options: {
  name: string;
  title: string;
  onClick: (event: Event) => void;
  pressed?: boolean;
  className?: string;
}): TemplateResult {
  return html`<button
    type="button"
    class="icon-button ${options.className ?? ''}"
    title=${options.title}
    aria-label=${options.title}
    aria-pressed=${options.pressed === undefined ? nothing : String(options.pressed)}
    @click=${options.onClick}
  >
    ${icon(options.name)}
  </button>`;
}
