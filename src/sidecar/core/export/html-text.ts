import { printable } from './printable.ts';

/** Other people's text inside an HTML document. */

const ENTITIES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text as it may stand between tags and in quoted attributes. */
export function escapeHtml(text: string): string {
  return printable(text).replace(/[&<>"']/g, (character) => ENTITIES[character]!);
}

/**
 * Markdown as far as a transcript needs it: fenced code, headings, bullets, bold and code within a line. Everything is
 * escaped first, and only tags of our own without attributes are put in, so nothing else can come out.
 */
export function htmlText(text: string): string {
  const out: string[] = [];
  const lines = text.replaceAll('\r\n', '\n').split('\n');
  let prose: string[] = [];
  const flush = (): void => {
    if (prose.some((line) => line.trim() !== '')) out.push(...proseHtml(prose));
    prose = [];
  };
  for (let at = 0; at < lines.length; at++) {
    const [, indent = '', fence] = /^( *)(`{3,}(?=[^`]*$)|~{3,})/.exec(lines[at]!) ?? [];
    if (fence === undefined) {
      prose.push(lines[at]!);
      continue;
    }
    flush();
    const code: string[] = [];
    while (++at < lines.length && !closes(lines[at]!, fence)) {
      const line = lines[at]!;
      code.push(line.startsWith(indent) ? line.slice(indent.length) : line);
    }
    out.push(codeHtml(code.join('\n')));
  }
  flush();
  return out.join('\n');
}

export const codeHtml = (text: string): string => `<pre><code>${escapeHtml(text)}</code></pre>`;

function closes(line: string, fence: string): boolean {
  return line.trim().startsWith(fence) && new Set(line.trim()).size === 1;
}

/** Paragraphs, headings and bullets. A line break stays one: a transcript is not typeset anew. */
function proseHtml(lines: readonly string[]): string[] {
  const blocks: { tag: 'p' | 'ul' | 'h4'; lines: string[] }[] = [];
  let gap = true;
  for (const line of lines) {
    const { tag, text } = lineOf(line);
    const last = blocks.at(-1);
    if (line.trim() === '') gap = true;
    else if (tag === 'p' && !gap && last !== undefined && last.tag !== 'h4') {
      const item = last.lines.pop() ?? '';
      last.lines.push(`${item}\n${inlineHtml(text)}`);
    } else if (tag !== 'p' && tag !== 'h4' && last?.tag === tag) last.lines.push(inlineHtml(text));
    else blocks.push({ tag, lines: [inlineHtml(text)] });
    if (line.trim() !== '') gap = false;
  }
  return blocks.map(({ tag, lines: items }) => {
    const inner = items.map((item) => (tag === 'ul' ? `<li>${item}</li>` : item)).join('');
    return `<${tag}>${inner}</${tag}>`;
  });
}

/** What a line begins. The document's own headings end with h3. */
function lineOf(line: string): { tag: 'p' | 'ul' | 'h4'; text: string } {
  const heading = /^ {0,3}#{1,6} +(.*)$/.exec(line)?.[1];
  if (heading !== undefined) return { tag: 'h4', text: heading };
  const bullet = /^\s*[-*+] +(.*)$/.exec(line)?.[1];
  return bullet === undefined ? { tag: 'p', text: line } : { tag: 'ul', text: bullet };
}

function inlineHtml(line: string): string {
  return line
    .split(/(`[^`]+`)/)
    .map((part, index) =>
      index % 2 === 1
        ? `<code>${escapeHtml(part.slice(1, -1))}</code>`
        : escapeHtml(part).replace(/\*\*([^*]+)\*\*/g, '<strong>$1</strong>'),
    )
    .join('');
}
