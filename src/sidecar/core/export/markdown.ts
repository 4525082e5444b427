import { formatBytes } from '../../../wording/numbers.ts';
import { escapeHtml } from './html-text.ts';
import { fenced, markdownText, plainText, quoted } from './markdown-text.ts';
import { turnAnchor, type OutlineSection } from './outline.ts';
import type { ToolOutcome, TurnPart } from './turn.ts';
import { REDACT_WORDS, sectionLine, stateWords, summaryLine, toolWords, turnLine, utc } from './words.ts';
import type { DocumentWriter } from './writer.ts';

/** A conversation as Markdown: turns by branch, tools and thinking folded. */
export const markdownWriter: DocumentWriter = {
  head(detail, sections, info) {
    const { conversation } = detail;
    const list = sections.map(
      (section) => `- [${section.title}](#${section.anchor}): ${sectionLine(section)}${leaves(section)}`,
    );
    return paragraphs(
      `# ${plainText(conversation.title) || 'Untitled conversation'}`,
      plainText(summaryLine(detail)),
      ...(sections.length > 1 ? [list.join('\n')] : []),
      `*${utc(conversation.firstMessageTime)} to ${utc(conversation.lastMessageTime)}. Exported ${utc(info.exportedAt)} by ${plainText(info.generator)}. ${REDACT_WORDS[info.redact]}*`,
    );
  },
  section(section) {
    return paragraphs(
      `<a id="${section.anchor}"></a>`,
      `## ${section.title}`,
      `${sectionLine(section)}${leaves(section)}`,
    );
  },
  turn(turn, row, content) {
    const state = stateWords(row);
    return paragraphs(
      `<a id="${turnAnchor(turn.requestId)}"></a>`,
      `### Turn ${turn.number}${turn.retry ? ', tried again' : ''}`,
      `*${plainText(turnLine(row))}*`,
      ...content.parts.map(part),
      ...turn.subtasks.map(({ name, anchor }) => `→ [${name}](#${anchor})`),
      ...(state === null ? [] : [`**${plainText(state)}**`]),
      ...(content.error === null
        ? []
        : [`**Error ${plainText(content.error.type)}:** ${plainText(content.error.message)}`]),
    );
  },
  tail: () => '',
};

function paragraphs(...parts: string[]): string {
  return parts.map((text) => `${text}\n\n`).join('');
}

function leaves({ from }: OutlineSection): string {
  return from === null ? '' : ` · from [turn ${from.number}](#${from.anchor})`;
}

function part(given: TurnPart): string {
  switch (given.kind) {
    case 'text': {
      const text = markdownText(given.text);
      if (given.role === 'assistant') return `**Claude**\n\n${text}`;
      return `**${given.role === 'user' ? 'You' : 'System'}**\n\n${quoted(text)}`;
    }
    case 'reminder':
      return folded('Reminder from the client', fenced(given.text));
    case 'thinking':
      return given.text === '' ? '*Thinking that came encrypted*' : folded('Thinking', fenced(given.text));
    case 'image':
      return `*${imageWords(given)}*`;
    case 'tool': {
      const { hint, text, language } = toolWords(given.name, given.input);
      const outcome = given.result === null ? 'no result' : given.result.failed ? 'failed' : 'done';
      const summary = `Tool <b>${escapeHtml(given.name)}</b> ${escapeHtml(hint)} (${outcome})`;
      return folded(
        summary,
        `${fenced(text, language)}${given.result === null ? '' : `\n\n${outcomeText(given.result)}`}`,
      );
    }
    case 'result':
      return folded(`Result of <code>${escapeHtml(given.id)}</code>`, outcomeText(given.result));
    case 'other':
      return folded(escapeHtml(given.label), fenced(JSON.stringify(given.value ?? null, null, 2), 'json'));
  }
}

/** `summary` is HTML. */
function folded(summary: string, body: string): string {
  return `<details>\n<summary>${summary}</summary>\n\n${body}\n\n</details>`;
}

function outcomeText({ failed, text, images }: ToolOutcome): string {
  return [
    failed ? 'Failed:' : 'Result:',
    ...(text === '' && images.length > 0 ? [] : [fenced(text)]),
    ...images.map((image) => `*${imageWords(image)}*`),
  ].join('\n\n');
}

function imageWords({ mediaType, data }: { mediaType: string; data: string | null }): string {
  const size = data === null ? '' : `, ${formatBytes(Math.floor((data.length * 3) / 4))}`;
  return `Image (${plainText(mediaType) || 'of unknown kind'}${size})`;
}
