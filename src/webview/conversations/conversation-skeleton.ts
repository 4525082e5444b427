import { html, type TemplateResult } from 'lit';

/** Bars in the shape of a conversation, while it loads. */
export function conversationSkeleton(): TemplateResult {
  const widths = [46, 62, 38, 54, 70, 42, 58, 34];
  const rows = widths.map(
    (width) =>
      html`<div class="skeleton-turn">
        <span class="skeleton-node"></span><span class="skeleton w-${width}"></span>
      </div>`,
  );
  return html`<div class="conversation" role="status" aria-label="Loading conversation">
    <header class="conversation-header">
      <div class="skeleton w-34 tall"></div>
      <div class="skeleton w-58"></div>
    </header>
    <div class="split">
      <div class="split-tree">${rows}</div>
      <div class="split-turn skeleton-side">
        <div class="skeleton w-58"></div>
        <div class="skeleton w-70"></div>
        <div class="skeleton w-46"></div>
      </div>
    </div>
  </div>`;
}
