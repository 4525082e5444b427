import { hash } from 'node:crypto';
import { formatBytes } from '../../../wording/numbers.ts';
import { HTML_STYLE } from './html-style.ts';
import { codeHtml, escapeHtml, htmlText } from './html-text.ts';
import { turnAnchor, type OutlineSection } from './outline.ts';
import type { ToolOutcome, TurnPart } from './turn.ts';
import { REDACT_WORDS, sectionLine, stateWords, summaryLine, toolWords, turnLine, utc } from './words.ts';
import type { DocumentWriter } from './writer.ts';

/** Nothing is loaded and nothing runs, whatever got past the escaping: only our own style and pictures in the file. */
const POLICY = `default-src 'none'; style-src 'sha256-${hash('sha256', HTML_STYLE, 'base64')}'; img-src data:; base-uri 'none'; form-action 'none'`;

/** A conversation as one HTML file without scripts, for a browser or the printer. */
export const htmlWriter: DocumentWriter = {
  head(detail, sections, info) {
    const { conversation } = detail;
    const title = escapeHtml(conversation.title) || 'Untitled conversation';
    const list = sections.map(
      (section) =>
        `<li><a href="#${section.anchor}">${section.title}</a> <span class="dim">${sectionLine(section)}${leaves(section)}</span></li>`,
    );
    return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="${escapeHtml(info.generator)}">
<title>${title}</title>
<style>${HTML_STYLE}</style>
</head>
<body>
<header>
<h1>${title}</h1>
<div>${escapeHtml(summaryLine(detail))}</div>
<div class="dim">${utc(conversation.firstMessageTime)} to ${utc(conversation.lastMessageTime)}. Exported ${utc(info.exportedAt)} by ${escapeHtml(info.generator)}. ${REDACT_WORDS[info.redact]}</div>
</header>
<main>
${sections.length > 1 ? `<nav aria-label="Branches"><ul>${list.join('\n')}</ul></nav>\n` : ''}`;
  },
  section(section) {
    return `<h2 id="${section.anchor}">${section.title}</h2>
<div class="dim">${sectionLine(section)}${leaves(section)}</div>
`;
  },
  turn(turn, row, content) {
    const state = stateWords(row);
    const subtasks = turn.subtasks.map(({ name, anchor }) => `<p>→ <a href="#${anchor}">${name}</a></p>`);
    const error =
      content.error === null
        ? ''
        : `<p class="bad">Error ${escapeHtml(content.error.type)}: ${escapeHtml(content.error.message)}</p>`;
    return `<section class="turn" id="${turnAnchor(turn.requestId)}">
<header><h3>Turn ${turn.number}${turn.retry ? ', tried again' : ''}</h3><span class="dim">${escapeHtml(turnLine(row))}</span></header>
${content.parts.map(part).join('\n')}
${subtasks.join('\n')}${state === null ? '' : `<p class="bad">${escapeHtml(state)}</p>`}${error}
</section>
`;
  },
  tail: () => '</main>\n</body>\n</html>\n',
};

function leaves({ from }: OutlineSection): string {
  return from === null ? '' : ` · from <a href="#${from.anchor}">turn ${from.number}</a>`;
}

function said(role: string, name: string, html: string): string {
  return `<div class="said ${role}"><b>${name}</b>\n${html}</div>`;
}

const NAMES = { user: 'You', assistant: 'Claude', system: 'System' } as const;

function part(given: TurnPart): string {
  switch (given.kind) {
    case 'text':
      return said(given.role, NAMES[given.role], htmlText(given.text));
    case 'reminder':
      return folded('Reminder from the client', codeHtml(given.text));
    case 'thinking':
      return given.text === ''
        ? '<p class="dim">Thinking that came encrypted</p>'
        : folded('Thinking', htmlText(given.text));
    case 'image':
      return said(given.role, NAMES[given.role], picture(given));
    case 'tool': {
      const { hint, text } = toolWords(given.name, given.input);
      const outcome = given.result === null ? 'no result' : given.result.failed ? 'failed' : 'done';
      const summary = `<b>${escapeHtml(given.name)}</b>${escapeHtml(hint)} <span class="dim">${outcome}</span>`;
      return folded(summary, `${codeHtml(text)}${given.result === null ? '' : outcomeHtml(given.result)}`);
    }
    case 'result':
      return folded(`Result of <code>${escapeHtml(given.id)}</code>`, outcomeHtml(given.result));
    case 'other':
      return folded(escapeHtml(given.label), codeHtml(JSON.stringify(given.value ?? null, null, 2)));
  }
}

/** `summary` and `body` are HTML. */
function folded(summary: string, body: string): string {
  return `<details><summary>${summary}</summary>\n${body}\n</details>`;
}

function outcomeHtml({ failed, text, images }: ToolOutcome): string {
  const label = failed ? '<p class="bad">Failed</p>' : '<p class="dim">Result</p>';
  return `${label}${text === '' && images.length > 0 ? '' : codeHtml(text)}${images.map(picture).join('')}`;
}

/** Formats that cannot hold a script; anything else is named only. */
const SHOWN = /^image\/(?:png|jpeg|gif|webp)$/;
const LARGEST_BASE64 = Math.ceil((10 * 1024 * 1024 * 4) / 3);

function picture({ mediaType, data }: { mediaType: string; data: string | null }): string {
  const type = escapeHtml(mediaType) || 'of unknown kind';
  if (data === null) return `<p class="dim">Image (${type})</p>`;
  const size = formatBytes(Math.floor((data.length * 3) / 4));
  if (!SHOWN.test(mediaType) || data.length > LARGEST_BASE64 || !/^[A-Za-z0-9+/]+={0,2}$/.test(data)) {
    return `<p class="dim">Image (${type}, ${size}), not shown</p>`;
  }
  return `<img alt="Image, ${size}" src="data:${mediaType};base64,${data}">`;
}
