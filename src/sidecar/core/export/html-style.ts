/** The look of an exported conversation: the reader's own colours by day and night, ink on paper in print. */
export const HTML_STYLE = `
:root { color-scheme: light dark; --text: #1f2328; --dim: #59636e; --line: #d1d9e0; --panel: #f6f8fa; --accent: #0969da; --bad: #b3161b; --page: #fff; }
@media (prefers-color-scheme: dark) { :root { --text: #e6e6e6; --dim: #9da5ae; --line: #3a4047; --panel: #22262b; --accent: #6cb0ff; --bad: #ff8a80; --page: #181a1d; } }
@media (forced-colors: active) { :root { --text: CanvasText; --dim: CanvasText; --line: CanvasText; --panel: Canvas; --accent: LinkText; --bad: CanvasText; --page: Canvas; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 24px 16px 48px; max-width: 860px; background: var(--page); color: var(--text); font: 15px/1.55 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { margin: 0 0 4px; font-size: 26px; line-height: 1.25; }
h2 { margin: 40px 0 4px; padding-top: 16px; border-top: 1px solid var(--line); font-size: 20px; }
h3 { margin: 0; font-size: 15px; }
h4 { margin: 12px 0 4px; font-size: 15px; }
a { color: var(--accent); }
p { margin: 8px 0; white-space: pre-wrap; }
ul, ol { margin: 8px 0; padding-left: 24px; }
li { white-space: pre-wrap; }
.dim { color: var(--dim); font-size: 13px; }
.bad { color: var(--bad); font-weight: 600; }
.turn { margin: 24px 0; }
.turn > header { display: flex; flex-wrap: wrap; gap: 0 12px; align-items: baseline; margin-bottom: 8px; }
.said { margin: 8px 0; padding-left: 12px; border-left: 3px solid var(--line); }
.said.user { border-color: var(--accent); }
.said > b { font-size: 13px; color: var(--dim); }
pre { margin: 8px 0; padding: 8px 12px; max-height: 480px; overflow: auto; background: var(--panel); border: 1px solid var(--line); border-radius: 4px; font: 13px/1.45 ui-monospace, monospace; white-space: pre-wrap; }
code { font-family: ui-monospace, monospace; font-size: 0.9em; }
pre code { font-size: 1em; }
details { margin: 8px 0; padding: 4px 12px; border: 1px solid var(--line); border-radius: 4px; }
summary { cursor: pointer; font-size: 14px; }
summary:focus-visible, a:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
summary b { margin-right: 6px; }
img { display: block; max-width: 100%; max-height: 600px; margin: 8px 0; border: 1px solid var(--line); }
@media print { body { max-width: none; padding: 0; font-size: 11pt; } h2, .turn > header { break-after: avoid; } pre { max-height: none; overflow: visible; } details:not([open])::details-content { content-visibility: visible; block-size: auto; } }
`;
