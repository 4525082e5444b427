import { html, nothing, type TemplateResult } from 'lit';
import { icon } from '../../shared/icon.ts';
import { plainTerminal, showInvisible } from '../../shared/visible-text.ts';
import { textOf, type ToolCall, type ToolResult } from './blocks.ts';
import { disclosure } from './disclosure.ts';
import { FOLD_LINES } from './folding.ts';
import { imageView } from './image-view.ts';
import { jsonTree } from './json-tree.ts';
import type { DiffLine } from './line-diff.ts';
import { longText } from './long-text.ts';
import { outcomeOf, viewTool, type ToolView } from './tool-kinds.ts';

/** What a card needs of its turn. */
export interface CardContext {
  /** Opens the sub-task a call started. */
  openTask: (toolUseId: string) => void;
  /** Ids of calls that started a sub-task of this conversation. */
  tasks: ReadonlySet<string>;
  /** False: results came in, what they answer was shown in the turn before, so cards start closed. */
  startOpen: boolean;
}

const OUTCOMES = {
  waiting: ['circle-large-outline', 'dim', 'no result yet'],
  done: ['check', 'state-done', 'done'],
  failed: ['error', 'state-error', 'failed'],
} as const;

/** Lines are blocks of their own: white space between the tags of a template must not become lines. */
function diffRows(lines: readonly DiffLine[]): TemplateResult {
  const mark = { same: ' ', added: '+', removed: '−' } as const;
  return html`<div class="code diff">
    ${lines.map(
      (line) =>
        html`<div class="diff-line ${line.kind}">
          <span class="diff-mark" aria-label=${line.kind === 'same' ? nothing : line.kind}
            >${mark[line.kind]}</span
          >
          <span class="diff-text">${showInvisible(line.text)}</span>
        </div>`,
    )}
  </div>`;
}

function diffBody(lines: readonly DiffLine[]): TemplateResult {
  if (lines.length <= FOLD_LINES + 3) return diffRows(lines);
  return html`${diffRows(lines.slice(0, FOLD_LINES))}
  ${disclosure({
    summary: `Show more (${lines.length - FOLD_LINES} lines)`,
    content: () => diffRows(lines.slice(FOLD_LINES, 2000)),
    className: 'more',
  })}`;
}

function resultBody(
  result: ToolResult | null,
  mode: 'terminal' | 'code' | 'plain',
  language = '',
): TemplateResult {
  if (!result) return html`<p class="dim">No result yet.</p>`;
  const text = textOf(result.content);
  const rest = result.content.filter((block) => block.kind === 'image' || block.kind === 'json');
  return html`${text === '' && rest.length === 0 ? html`<p class="dim">No output.</p>` : nothing}
  ${text === '' ? nothing : longText(text, mode, language)}
  ${rest.map((block) => (block.kind === 'image' ? imageView(block) : jsonTree(block.value)))}`;
}

const LANGUAGES: Record<string, string> = {
  mts: 'ts',
  cts: 'ts',
  mjs: 'js',
  cjs: 'js',
  yml: 'yaml',
  htm: 'html',
  h: 'c',
};

/** Line numbers a Read result carries (`12→text` or `12\ttext`) stay; they are what one looks for. */
function body(view: ToolView, call: ToolCall, result: ToolResult | null): TemplateResult {
  switch (view.kind) {
    case 'diff':
      return html`${diffBody(view.lines)}${result?.isError ? resultBody(result, 'plain') : nothing}`;
    case 'terminal':
      return html`<pre class="code command">${plainTerminal(view.command)}</pre>
        ${resultBody(result, 'terminal')}`;
    case 'lines':
      return resultBody(result, 'code', LANGUAGES[view.language] ?? view.language);
    case 'todos':
      return html`<ul class="todos">
        ${view.todos.map((todo) => {
          const name =
            todo.state === 'completed'
              ? 'pass'
              : todo.state === 'in_progress'
                ? 'play-circle'
                : 'circle-large-outline';
          const word = todo.state.replace('_', ' ');
          return html`<li class=${todo.state}>
            ${icon(name, word, 'small')}<span>${showInvisible(todo.text)}</span>
          </li>`;
        })}
      </ul>`;
    case 'task':
      return html`${longText(view.prompt, 'markdown')}
      ${
        result
          ? html`<h4 class="result-heading">Answer</h4>
              ${longText(textOf(result.content), 'markdown')}`
          : nothing
      }`;
    case 'json':
      return html`${jsonTree(call.input)}
      ${
        result
          ? html`<h4 class="result-heading">Result</h4>
              ${resultBody(result, 'plain')}`
          : nothing
      }`;
  }
}

function opens(view: ToolView, result: ToolResult | null, context: CardContext): boolean {
  if (outcomeOf(result).state === 'failed') return true;
  return context.startOpen && (view.kind === 'diff' || view.kind === 'todos');
}

/** One tool call with its result, drawn as what it does. */
export function toolCard(call: ToolCall, result: ToolResult | null, context: CardContext): TemplateResult {
  const view = viewTool(call);
  const outcome = outcomeOf(result);
  const [name, tone, word] = OUTCOMES[outcome.state];
  const mono = view.kind === 'terminal' || view.kind === 'diff' || view.kind === 'lines';
  const summary = html`<span class="tool-icon">${icon(view.icon)}</span>
    <span class="tool-name" title="${call.name} · ${call.id}">${showInvisible(call.name)}</span>
    <span class="tool-title ellipsis ${mono ? 'mono' : ''}">${plainTerminal(view.title)}</span>
    ${
      view.kind === 'diff'
        ? html`<span class="changes num"
            ><span class="added">+${view.added}</span> <span class="removed">−${view.removed}</span></span
          >`
        : nothing
    }
    ${view.note === '' ? nothing : html`<span class="tool-note ellipsis">${showInvisible(view.note)}</span>`}
    <span class="grow"></span>
    <span class="tool-outcome ${tone}" title=${outcome.note || word}
      >${outcome.note}${icon(name, outcome.note || word, 'small')}</span
    >`;
  const task = context.tasks.has(call.id);
  return html`<div class="tool" data-tool=${call.name} data-tool-id=${call.id}>
    ${disclosure({
      summary,
      content: () => body(view, call, result),
      open: opens(view, result, context),
      className: 'tool-disclosure',
    })}
    ${
      task
        ? html`<button
            type="button"
            class="link tool-task"
            @click=${() => {
              context.openTask(call.id);
            }}
          >
            Open sub-task
          </button>`
        : nothing
    }
  </div>`;
}
