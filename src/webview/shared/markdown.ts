import DOMPurify from 'dompurify';
import { Marked, type Tokens } from 'marked';
import { highlightCode } from './highlight.ts';
import { showInvisible } from './visible-text.ts';
import './markdown.css';

/** Longer texts are shown as they are: laying out a megabyte of markdown would block the panel. */
const MAX_MARKDOWN = 100_000;

function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

function isWebLink(href: string): boolean {
  return /^https?:\/\//i.test(href);
}

const marked = new Marked({
  gfm: true,
  breaks: true,
  async: false,
  renderer: {
    // Raw HTML and XML-like tags are part of what was said: shown, never interpreted.
    html({ text }: Tokens.HTML | Tokens.Tag) {
      return `<span class="tag">${escapeHtml(text).replaceAll('\n', '<br>')}</span>`;
    },
    // Nothing is fetched from elsewhere: an image becomes a link to it.
    image({ href, text }: Tokens.Image) {
      const label = escapeHtml(text || href);
      return isWebLink(href)
        ? `<a href="${escapeHtml(href)}" title="${escapeHtml(href)}">${label} (image)</a>`
        : `${label} (image)`;
    },
    link({ href, tokens }: Tokens.Link) {
      const label = this.parser.parseInline(tokens);
      return isWebLink(href)
        ? `<a href="${escapeHtml(href)}" title="${escapeHtml(href)}">${label}</a>`
        : `<span class="dead-link" title="Not a web link: ${escapeHtml(href)}">${label}</span>`;
    },
    code({ text, lang }: Tokens.Code) {
      const language = (lang ?? '').split(/\s/, 1)[0] ?? '';
      if (language === 'mermaid') {
        return `<pre class="code mermaid-source"><code class="block">${escapeHtml(text)}</code></pre>`;
      }
      return `<pre class="code"><code class="block">${highlightCode(text, language)}</code></pre>`;
    },
  },
});

const ALLOWED_TAGS = [
  ...[
    'a',
    'b',
    'blockquote',
    'br',
    'code',
    'del',
    'em',
    'h1',
    'h2',
    'h3',
    'h4',
    'h5',
    'h6',
    'hr',
    'i',
    'input',
    'li',
  ],
  ...[
    'ol',
    'p',
    'pre',
    's',
    'span',
    'strong',
    'sub',
    'sup',
    'table',
    'tbody',
    'td',
    'th',
    'thead',
    'tr',
    'ul',
  ],
];

/** Sanitised markdown: no raw HTML, styles, forms, frames, SVG or remote content; http(s) links only. */
export function renderMarkdown(text: string): DocumentFragment {
  const visible = showInvisible(text);
  if (visible.length > MAX_MARKDOWN) {
    const plain = document.createElement('pre');
    plain.className = 'code';
    plain.textContent = visible;
    const fragment = document.createDocumentFragment();
    fragment.append(plain);
    return fragment;
  }
  const fragment = DOMPurify.sanitize(marked.parse(visible) as string, {
    ALLOWED_TAGS,
    ALLOWED_ATTR: ['href', 'title', 'class', 'align', 'start', 'type', 'checked', 'disabled'],
    ALLOWED_URI_REGEXP: /^https?:\/\//i,
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
    RETURN_DOM_FRAGMENT: true,
  });
  // Task lists are the only inputs marked makes; anything else is not ours.
  for (const input of fragment.querySelectorAll('input')) {
    if (input.type === 'checkbox') input.disabled = true;
    else input.remove();
  }
  return fragment;
}
