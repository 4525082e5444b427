import { printable } from './printable.ts';

/** Other people's text inside a Markdown document: it stays Markdown, and cannot become anything else. */

/**
 * `text` as it may stand in the document: raw HTML and images lose their meaning (an image would be fetched from
 * wherever it points), links to scripts too, and a fence that is left open is closed. Fenced code stays as it is. Where
 * readers of Markdown could differ on what is code, all of the text becomes a block of code.
 */
export function markdownText(text: string): string {
  const lines = printable(text).replaceAll('\r\n', '\n').split('\n');
  const out: string[] = [];
  /** All backticks of the paragraph's earlier lines are in pairs, so that a line can be read by itself. */
  let balanced = true;
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at]!;
    const block = codeBlock(lines, at);
    if (block !== null) {
      out.push(escaped(line), ...lines.slice(at + 1, block.end), ...block.missing);
      at = block.end - 1;
      balanced = true;
      continue;
    }
    if (line.includes('```') || line.includes('~~~')) return fenced(text, 'markdown');
    if (line.trim() === '') balanced = true;
    const spans = balanced ? codeSpans(line) : null;
    if (spans === null) balanced = false;
    out.push(spans?.map(({ code, text: part }) => (code ? part : escaped(part))).join('') ?? escaped(line));
  }
  return out.join('\n');
}

/** `text` between fences that are longer than any of its own. */
export function fenced(text: string, language = ''): string {
  let longest = 0;
  for (const [run] of text.matchAll(/`+/g)) longest = Math.max(longest, run.length);
  const fence = '`'.repeat(Math.max(3, longest + 1));
  return `${fence}${language}\n${printable(text).replace(/\n$/, '')}\n${fence}`;
}

/** One line of words, as a heading or a cell may have it: nothing in it is Markdown or HTML. */
export function plainText(text: string): string {
  return printable(text)
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/[\\`*_{}[\]<>#|~&]/g, '\\$&');
}

/** As a block quote. */
export function quoted(text: string): string {
  return text
    .split('\n')
    .map((line) => (line === '' ? '>' : `> ${line}`))
    .join('\n');
}

/**
 * The fenced block that begins at a line, for every reader: `end` is the line after it, `missing` the fence that would
 * close it. One that is indented may belong to a list, which ends with a line that is indented less; then, and where the
 * end is not clear, null.
 */
function codeBlock(lines: readonly string[], at: number): { end: number; missing: string[] } | null {
  const [, indent, fence] = /^( *)(`{3,}(?=[^`]*$)|~{3,})/.exec(lines[at]!) ?? [];
  if (indent === undefined || fence === undefined) return null;
  for (let end = at + 1; end < lines.length; end++) {
    const line = lines[end]!;
    if (indent !== '' && line.trim() !== '' && !line.startsWith(indent)) return null;
    const [, before, closes] = /^( *)(`{3,}|~{3,})[ \t]*$/.exec(line) ?? [];
    if (closes?.startsWith(fence) !== true) continue;
    if (before === indent) return { end: end + 1, missing: [] };
    // To one reader this is the end, to another it is code.
    return null;
  }
  return indent === '' ? { end: lines.length, missing: [fence] } : null;
}

const SCRIPT = String.raw`(?:javascript|vbscript|data|file):`;

/** Entities mean nothing to Markdown, whatever stands before them; a backslash could be taken away by another one. */
function escaped(text: string): string {
  return text
    .replace(/<(?=[A-Za-z/!?])/g, '&lt;')
    .replace(/!\[/g, '!&#91;')
    .replace(new RegExp(String.raw`\](?=\(\s*<?\s*${SCRIPT})`, 'gi'), '&#93;')
    .replace(new RegExp(String.raw`\[(?=[^\]]*\]:\s*<?\s*${SCRIPT})`, 'gi'), '&#91;');
}

/** A line cut into code and the rest; null where its backticks are not all in pairs, or one of them may be escaped. */
function codeSpans(line: string): { code: boolean; text: string }[] | null {
  if (!line.includes('`')) return [{ code: false, text: line }];
  if (line.includes('\\')) return null;
  const parts: { code: boolean; text: string }[] = [];
  let from = 0;
  for (let open = line.indexOf('`'); open !== -1; open = line.indexOf('`', from)) {
    const [run = ''] = /^`+/.exec(line.slice(open)) ?? [];
    const rest = line.slice(open + run.length);
    const close = Array.from(rest.matchAll(/`+/g)).find(([found]) => found.length === run.length);
    if (close === undefined) return null;
    const to = open + run.length + close.index + run.length;
    parts.push({ code: false, text: line.slice(from, open) }, { code: true, text: line.slice(open, to) });
    from = to;
  }
  return [...parts, { code: false, text: line.slice(from) }];
}
