import { html, nothing, type TemplateResult } from 'lit';
import { showInvisible } from '../../shared/visible-text.ts';
import { disclosure } from './disclosure.ts';
import { longText } from './long-text.ts';

/** Entries of one level shown at once; the JSON document in the editor has all. */
const MAX_ENTRIES = 200;

function scalar(value: unknown): TemplateResult {
  if (typeof value === 'string') {
    const text = JSON.stringify(value);
    return text.length > 160 || value.includes('\n')
      ? html`${longText(value, 'plain')}`
      : html`<span class="json-string">${showInvisible(text)}</span>`;
  }
  return html`<span class="json-${value === null ? 'null' : typeof value}">${String(value)}</span>`;
}

function size(value: object): string {
  return Array.isArray(value) ? `[${value.length}]` : `{${Object.keys(value).length}}`;
}

/** A JSON value as a tree; levels are made when they are opened. */
export function jsonTree(value: unknown, openDepth = 1): TemplateResult {
  if (typeof value !== 'object' || value === null) {
    return html`<div class="json-entry">${scalar(value)}</div>`;
  }
  const entries = Object.entries(value);
  const isList = Array.isArray(value);
  return html`<div class="json-level">
    ${entries.slice(0, MAX_ENTRIES).map(([key, entry]: [string, unknown]) => {
      const name = html`<span class="json-key ${isList ? 'index' : ''}">${showInvisible(key)}</span>`;
      if (typeof entry !== 'object' || entry === null || Object.keys(entry).length === 0) {
        const shown =
          typeof entry === 'object' && entry !== null
            ? html`<span class="dim">${size(entry)}</span>`
            : scalar(entry);
        return html`<div class="json-entry">${name}: ${shown}</div>`;
      }
      return disclosure({
        summary: html`${name}<span class="dim">${hint(entry)} ${size(entry)}</span>`,
        content: () => jsonTree(entry, openDepth - 1),
        open: openDepth > 0,
        className: 'json-node',
      });
    })}
    ${entries.length > MAX_ENTRIES ? html`<div class="dim">… ${entries.length - MAX_ENTRIES} more in the JSON document</div>` : nothing}
  </div>`;
}

/** What tells entries of a list apart: their type, role or name. */
function hint(value: object): string {
  for (const key of ['role', 'type', 'name']) {
    const text = (value as Record<string, unknown>)[key];
    if (typeof text === 'string') return ` ${showInvisible(text.slice(0, 60))}`;
  }
  return '';
}
