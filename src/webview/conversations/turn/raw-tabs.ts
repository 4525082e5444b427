import { html, nothing, type TemplateResult } from 'lit';
import { until } from 'lit/directives/until.js';
import type { JsonPart } from '../../../protocol/bridge.ts';
import type {
  HeaderList,
  LinkExplanation,
  RequestDetail,
  RequestRow,
  StreamingChunk,
} from '../../../protocol/rows.ts';
import type { Api } from '../../shared/api.ts';
import { button } from '../../shared/controls.ts';
import { formatDuration, plural } from '../../../wording/numbers.ts';
import { formatAbsolute } from '../../../wording/times.ts';
import { showInvisible } from '../../shared/visible-text.ts';
import type { Turn } from '../tree/turns.ts';
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

const SIGNALS: Record<LinkExplanation['signal'], string> = {
  thread: 'the request names the answer it continues',
  'response-prefix': 'its history ends with that turn’s answer',
  'request-prefix': 'its history begins with that turn’s messages',
  retry: 'the same request was sent again',
  'spawn-prompt': 'it begins with the prompt of a sub-task',
  'spawn-agent': 'it carries the id of a sub-task’s agent',
  compaction: 'it begins with the summary of that turn',
  'last-answer': 'its history, which was cut, ends with that turn’s answer',
  'tool-id': 'it answers a tool call of that turn',
  root: 'nothing before it matches: a new conversation',
  none: 'it is no part of a conversation',
};

function linkView(link: LinkExplanation): TemplateResult {
  return html`${SIGNALS[link.signal]}
  ${link.matchedMessages > 0 ? html`<span class="dim">(${plural(link.matchedMessages, 'block')} matched)</span>` : nothing}
  ${
    link.candidates.length === 0
      ? nothing
      : html`<ul class="candidates">
          ${link.candidates.map((candidate) => html`<li><code>${candidate.requestId.slice(-8)}</code> ${candidate.why}</li>`)}
        </ul>`
  }`;
}

const links = new WeakMap<RequestRow, Promise<TemplateResult>>();

function whyHere(request: RequestRow, api: Api): Promise<TemplateResult> {
  const known = links.get(request);
  if (known) return known;
  const loading = api
    .getLink(request.requestId, new AbortController().signal)
    .then(
      linkView,
      (error: unknown) =>
        html`<span class="dim">${error instanceof Error ? error.message : 'Not known.'}</span>`,
    );
  links.set(request, loading);
  return loading;
}

function headerRows(headers: HeaderList): [string, string][] {
  return headers.map(([name, value]) => [name, value]);
}

/** Ids, times and both header lists, in the order they passed. */
export function headersTab(
  request: RequestRow,
  data: Partial<RequestDetail>,
  turn: Turn,
  api: Api,
): TemplateResult {
  const optional = (name: string, value: string | null | undefined): [string, string][] =>
    value ? [[name, value]] : [];
  return html`<section class="message">
      ${heading('Exchange')}
      ${table(
        [
          ['Request', html`<code>${request.requestId}</code>`],
          ...optional('Conversation', request.conversationId),
          [
            'Parent',
            html`${turn.parent ? html`<code>${turn.parent.request.requestId}</code> ` : 'none: '}<span
                class="dim"
                >${until(whyHere(request, api), '…')}</span
              >`,
          ],
          ['Branch', request.branchId ?? 'none'],
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
