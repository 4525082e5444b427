import { html, nothing, type TemplateResult } from 'lit';
import { formatBytes, plural } from '../../../wording/numbers.ts';
import { showInvisible } from '../../shared/visible-text.ts';
import { isObject, type Block } from './blocks.ts';
import { disclosure } from './disclosure.ts';
import { jsonTree } from './json-tree.ts';
import { longText } from './long-text.ts';
import { compareLists, type Change, type Compared } from './prompt-changes.ts';

const WORDS: Record<Change, string> = {
  new: 'new',
  changed: 'changed',
  same: '',
  removed: 'removed',
  unknown: '',
};

function mark(change: Change): TemplateResult | typeof nothing {
  return WORDS[change] === '' ? nothing : html`<span class="change ${change}">${WORDS[change]}</span>`;
}

function verdict(compared: readonly Compared<unknown>[], what: string): TemplateResult {
  const changed = compared.filter((each) => WORDS[each.change] !== '').length;
  if (compared.some((each) => each.change === 'unknown')) {
    return html`<p class="dim">${plural(compared.length, what)}</p>`;
  }
  return html`<p class="dim">
    ${plural(compared.filter((each) => each.change !== 'removed').length, what)},
    ${changed === 0 ? 'the same as in the turn before' : `${changed} changed since the turn before`}
  </p>`;
}

/** The system prompt, block by block, with what changed since the turn before. */
export function systemTab(now: unknown[] | null, before: unknown[] | null): TemplateResult {
  const compared = compareLists(now ?? [], before, (_value, index) => String(index)) as Compared<Block>[];
  if (compared.length === 0) return html`<p class="dim">This request has no system prompt.</p>`;
  return html`${verdict(compared, 'block')}
  ${compared.map(({ value, change }, index) => {
    const text =
      value.kind === 'text' || value.kind === 'reminder' || value.kind === 'thinking' ? value.text : null;
    return html`<section class="message">
      <h3 class="message-heading"><span>Block ${index + 1} ${mark(change)}</span></h3>
      ${text === null ? jsonTree(value) : longText(text, 'markdown')}
    </section>`;
  })}`;
}

function nameOf(tool: unknown, index: number): string {
  return isObject(tool) && typeof tool['name'] === 'string' ? tool['name'] : `tool ${index + 1}`;
}

/** The tools the model was offered, with what changed since the turn before. */
export function toolsTab(now: unknown[] | null, before: unknown[] | null): TemplateResult {
  const compared = compareLists(now ?? [], before, nameOf);
  if (compared.length === 0) return html`<p class="dim">This request offers no tools.</p>`;
  return html`${verdict(compared, 'tool')}
    <div class="tool-list">
      ${compared.map(({ value, change }, index) => {
        const description =
          isObject(value) && typeof value['description'] === 'string' ? value['description'] : '';
        return disclosure({
          summary: html`<span class="tool-name">${showInvisible(nameOf(value, index))}</span>${mark(change)}
            <span class="dim ellipsis">${showInvisible(description.split('\n', 1)[0] ?? '')}</span>
            <span class="grow"></span
            ><span class="dim num tool-size" title="Size of its definition"
              >${formatBytes(JSON.stringify(value).length)}</span
            >`,
          content: () =>
            html`${description === '' ? nothing : longText(description, 'markdown')}
            ${jsonTree(isObject(value) ? (value['input_schema'] ?? value) : value)}`,
          className: 'tool-disclosure',
        });
      })}
    </div>`;
}
