import { html, nothing, type TemplateResult } from 'lit';
import type { JsonPart } from '../../../protocol/bridge.ts';
import type { HeaderList, RequestDetail, RequestRow, StreamingChunk } from '../../../protocol/rows.ts';
import { button } from '../../shared/controls.ts';
import { formatDuration, plural } from '../../../wording/numbers.ts';
import { formatAbsolute } from '../../../wording/times.ts';
import { showInvisible } from '../../shared/visible-text.ts';
import { jsonTree } from './json-tree.ts';

/** Chunks shown at once; the JSON document has all. */
const MAX_CHUNKS = 500;

function table(rows: [string, string | TemplateResult][], label: string): TemplateResult {
  return html`<table class="pairs" aria-label=${label}>
    <tbody>
      ${rows.map(
        ([name, value]) =>
          html`<tr>
            <th scope="row">${name}</th>
            <td>${typeof value === 'string' ? showInvisible(value) : value}</td>
          </tr>`,
      )}
    </tbody>
  </table>`;
}

function heading(text: string): TemplateResult {
  return html`<h3 class="message-heading"><span>${text}</span></h3>`;
}

function headerRows(headers: HeaderList): [string, string][] {
  return headers.map(([name, value]) => [name, value]);
}

/** Its place in the conversation, ids, times and both header lists, in the order they passed. */
export function headersTab(
  request: RequestRow,
  data: Partial<RequestDetail>,
  place: TemplateResult,
): TemplateResult {
  const optional = (name: string, value: string | null | undefined): [string, string][] =>
    value ? [[name, value]] : [];
  return html`<section class="message">${heading('Place in the conversation')} ${place}</section>
    <section class="message">
      ${heading('Exchange')}
      ${table(
        [
          ['Request', request.requestId],
          ...optional('Conversation', request.conversationId),
          ...optional('Parent', request.parentRequestId),
          ['Path', request.path],
          ...optional('Model', request.model),
          ['Status', `${request.responseStatus ?? 'none'} (${request.state})`],
          ['Time', formatAbsolute(Date.parse(request.timestamp))],
          ...(request.firstByteMs === null
            ? []
            : [['First byte', formatDuration(request.firstByteMs)] as [string, string]]),
          ...(request.firstTokenMs === null
            ? []
            : [['First token', formatDuration(request.firstTokenMs)] as [string, string]]),
          ...(request.durationMs === null
            ? []
            : [['Duration', formatDuration(request.durationMs)] as [string, string]]),
          ['Domain', request.domain],
          ...optional('Project', request.project),
          ...optional('Account', request.accountId),
          ...optional('System hash', data.systemHash),
          ...optional('Message hash', data.currentMessageHash),
        ],
        'Exchange',
      )}
    </section>
    <section class="message">
      ${heading('Request headers')} ${table(headerRows(data.requestHeaders ?? []), 'Request headers')}
    </section>
    <section class="message">
      ${heading('Response headers')} ${table(headerRows(data.responseHeaders ?? []), 'Response headers')}
    </section>
    ${
      data.redactions && data.redactions.length > 0
        ? html`<section class="message">
            ${heading('Redacted before storing')}
            ${table(
              data.redactions.map((each): [string, string] => [each.path, each.kind]),
              'Redactions',
            )}
          </section>`
        : nothing
    }`;
}

/** The event a chunk begins, for scanning down the list. */
function eventOf(data: string): string {
  return /^event: (.+)$/m.exec(data)?.[1] ?? '';
}

/** The response as it arrived, chunk by chunk. */
export function streamTab(chunks: readonly StreamingChunk[]): TemplateResult {
  if (chunks.length === 0) return html`<p class="dim">The response was not streamed.</p>`;
  return html`<p class="dim">
      ${plural(chunks.length, 'chunk')} in ${formatDuration(chunks.at(-1)?.offsetMs ?? 0)}
    </p>
    <div class="chunks" role="list" aria-label="Chunks">
      ${chunks.slice(0, MAX_CHUNKS).map((chunk, index) => {
        const gap = chunk.offsetMs - (chunks[index - 1]?.offsetMs ?? 0);
        return html`<div class="chunk" role="listitem">
          <span class="num dim right">${chunk.index}</span>
          <span class="num right" title="After the request">${formatDuration(chunk.offsetMs)}</span>
          <span class="num dim right" title="After the chunk before">+${formatDuration(gap)}</span>
          <span class="chunk-event ellipsis">${eventOf(chunk.data)}</span>
          <span class="mono ellipsis dim" title=${showInvisible(chunk.data.slice(0, 2000))}
            >${showInvisible(chunk.data.replace(/^event: .+\n/, '').slice(0, 400))}</span
          >
        </div>`;
      })}
    </div>
    ${chunks.length > MAX_CHUNKS ? html`<p class="dim">The first ${MAX_CHUNKS}; the JSON document has all.</p>` : nothing}`;
}

/** Both bodies as trees, and as documents in the editor. */
export function jsonTab(data: Partial<RequestDetail>, open: (part: JsonPart) => void): TemplateResult {
  const part = (label: string, name: JsonPart, value: unknown): TemplateResult =>
    html`<section class="message">
      ${heading(label)} ${jsonTree(value, 0)}
      <div class="json-open">
        ${button({
          label: `Open ${label.toLowerCase()} JSON`,
          icon: 'json',
          onClick: () => {
            open(name);
          },
        })}
      </div>
    </section>`;
  return html`${part('Request', 'request', data.requestBody)}
  ${part('Response', 'response', data.responseBody)}
  ${data.usageData ? html`<section class="message">${heading('Usage')} ${jsonTree(data.usageData)}</section>` : nothing}`;
}
