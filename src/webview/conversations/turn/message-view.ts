import { html, nothing, type TemplateResult } from 'lit';
import { icon } from '../../shared/icon.ts';
import { formatCount } from '../../../wording/numbers.ts';
import { queuedText } from './blocks.ts';
import { disclosure } from './disclosure.ts';
import { imageView } from './image-view.ts';
import { jsonTree } from './json-tree.ts';
import { longText } from './long-text.ts';
import { toolCard, type CardContext } from './tool-card.ts';
import type { Entry, Part } from './turn-content.ts';

function words(text: string): string {
  const count = text.split(/\s+/).filter((word) => word !== '').length;
  return `${formatCount(count)} ${count === 1 ? 'word' : 'words'}`;
}

function entryView(entry: Entry, context: CardContext): TemplateResult {
  switch (entry.kind) {
    case 'text':
      return longText(entry.text, 'markdown');
    case 'reminder':
      return disclosure({
        summary: html`${icon('info')}<span>System reminder</span
          ><span class="dim">${words(entry.text)}</span>`,
        content: () => longText(entry.text, 'plain'),
        className: 'quiet',
      });
    case 'thinking':
      return entry.redacted || entry.text === ''
        ? html`<p class="quiet-line">
            ${icon('lightbulb')}Thought, ${entry.redacted ? 'redacted by the model' : 'not disclosed'}
          </p>`
        : disclosure({
            summary: html`${icon('lightbulb')}<span>Thought</span
              ><span class="dim">${words(entry.text)}</span>`,
            content: () => longText(entry.text, 'markdown'),
            className: 'quiet thinking',
          });
    case 'tool':
      return toolCard(entry.call, entry.result, context);
    case 'image':
      return imageView(entry);
    case 'json':
      return disclosure({
        summary: html`${icon('json')}<span>${entry.label}</span>`,
        content: () => jsonTree(entry.value),
        className: 'quiet',
      });
  }
}

/** Notes the client wrote into the conversation as `system`: folded; a queued user message among them is not. */
function systemView(entry: Entry, context: CardContext): TemplateResult {
  if (entry.kind !== 'text') return entryView(entry, context);
  const queued = queuedText(entry.text);
  if (queued !== null) return longText(queued, 'markdown');
  return disclosure({
    summary: html`${icon('info')}<span class="ellipsis">${entry.text.split('\n', 1)[0]}</span
      ><span class="dim">${words(entry.text)}</span>`,
    content: () => longText(entry.text, 'plain'),
    className: 'quiet',
  });
}

function headingOf(part: Part): string {
  if (part.role === 'assistant') return 'Claude';
  if (part.role === 'system') {
    const queued = part.entries.some((entry) => entry.kind === 'text' && queuedText(entry.text) !== null);
    return queued ? 'You, while Claude was working' : 'Client note';
  }
  const talks = part.entries.some((entry) => entry.kind === 'text' || entry.kind === 'image');
  if (talks) return 'You';
  return part.entries.some((entry) => entry.kind === 'tool') ? 'Tool results' : 'Client note';
}

/** One message: who, then what, block by block. */
export function partView(part: Part, context: CardContext): TemplateResult {
  return html`<section class="message ${part.role}" aria-label=${headingOf(part)}>
    <h3 class="message-heading"><span>${headingOf(part)}</span></h3>
    ${part.entries.length === 0 ? html`<p class="dim">Nothing.</p>` : nothing}
    ${part.entries.map((entry) => (part.role === 'system' ? systemView(entry, context) : entryView(entry, context)))}
  </section>`;
}
