import { isObject, textOf, type ToolCall, type ToolResult } from './blocks.ts';
import { countChanges, diffLines, type DiffLine } from './line-diff.ts';

/** A tool call as what it does. */
export type ToolView = { icon: string; title: string; note: string } & (
  | { kind: 'diff'; lines: DiffLine[]; added: number; removed: number; path: string }
  | { kind: 'terminal'; command: string }
  | { kind: 'lines'; language: string }
  | { kind: 'todos'; todos: { text: string; state: 'pending' | 'in_progress' | 'completed' }[] }
  | { kind: 'task'; prompt: string }
  | { kind: 'json' }
);

type Input = Record<string, unknown>;

function field(input: Input, name: string): string {
  const value = input[name];
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '';
}

/** Last parts of a path: enough to recognise, short enough for a heading. */
export function shortPath(path: string): string {
  const parts = path.split(/[\\/]/).filter((part) => part !== '');
  return parts.length <= 3 ? path : `…/${parts.slice(-3).join('/')}`;
}

function diffView(icon: string, path: string, lines: DiffLine[]): ToolView {
  // A final line break is no line.
  if (lines.at(-1)?.text === '') lines.pop();
  return { kind: 'diff', icon, title: shortPath(path), note: '', lines, path, ...countChanges(lines) };
}

function edits(input: Input): DiffLine[] {
  const list = Array.isArray(input['edits']) ? input['edits'] : [input];
  return list.flatMap((edit: unknown) =>
    isObject(edit) ? diffLines(field(edit, 'old_string'), field(edit, 'new_string')) : [],
  );
}

function range(input: Input): string {
  const offset = Number(input['offset'] ?? 0);
  const limit = Number(input['limit'] ?? 0);
  if (!offset && !limit) return '';
  return limit ? `lines ${offset || 1}–${(offset || 1) + limit - 1}` : `from line ${offset}`;
}

function todosOf(input: Input): { text: string; state: 'pending' | 'in_progress' | 'completed' }[] {
  const list = Array.isArray(input['todos']) ? input['todos'] : [];
  return list.filter(isObject).map((todo) => ({
    text: field(todo, 'content') || field(todo, 'subject'),
    state:
      todo['status'] === 'completed'
        ? 'completed'
        : todo['status'] === 'in_progress'
          ? 'in_progress'
          : 'pending',
  }));
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}

/** What to draw for a call: diffs, terminals, file lines, checklists, sub-tasks; JSON for anything unknown. */
export function viewTool(call: ToolCall): ToolView {
  const input: Input = isObject(call.input) ? call.input : {};
  const path = field(input, 'file_path') || field(input, 'notebook_path') || field(input, 'path');
  switch (call.name) {
    case 'Edit':
    case 'MultiEdit':
      return diffView('edit', path, edits(input));
    case 'Write':
      return diffView('new-file', path, diffLines('', field(input, 'content')));
    case 'NotebookEdit':
      return diffView('notebook', path, diffLines('', field(input, 'new_source')));
    case 'Bash':
    case 'BashOutput': {
      const command = field(input, 'command') || field(input, 'bash_id');
      return {
        kind: 'terminal',
        icon: 'terminal',
        title: firstLine(command),
        note: field(input, 'description'),
        command,
      };
    }
    case 'Read':
      return {
        kind: 'lines',
        icon: 'file',
        title: shortPath(path),
        note: range(input),
        language: path.split('.').pop() ?? '',
      };
    case 'Grep':
      return {
        kind: 'lines',
        icon: 'search',
        title: field(input, 'pattern'),
        note: field(input, 'glob') || shortPath(path),
        language: '',
      };
    case 'Glob':
    case 'LS':
      return {
        kind: 'lines',
        icon: 'list-tree',
        title: field(input, 'pattern') || shortPath(path),
        note: field(input, 'pattern') ? shortPath(path) : '',
        language: '',
      };
    case 'TodoWrite': {
      const todos = todosOf(input);
      const done = todos.filter((todo) => todo.state === 'completed').length;
      return { kind: 'todos', icon: 'checklist', title: '', note: `${done} of ${todos.length} done`, todos };
    }
    case 'Task':
    case 'Agent':
      return {
        kind: 'task',
        icon: 'type-hierarchy-sub',
        title: field(input, 'description'),
        note: field(input, 'subagent_type'),
        prompt: field(input, 'prompt'),
      };
    default:
      return { kind: 'json', icon: 'tools', title: summary(input), note: '' };
  }
}

/** The first short string of an input: what tells two calls of an unknown tool apart. */
function summary(input: Input): string {
  for (const value of Object.values(input)) {
    if (typeof value === 'string' && value !== '') return firstLine(value).slice(0, 120);
  }
  return '';
}

/** How a call ended: waiting without a result, `exit 3` for a failed command, failed, or done. */
export function outcomeOf(result: ToolResult | null): { state: 'waiting' | 'done' | 'failed'; note: string } {
  if (!result) return { state: 'waiting', note: '' };
  const text = textOf(result.content);
  const exit = /^(?:Error: )?Exit code (\d+)/.exec(text)?.[1];
  if (exit !== undefined && exit !== '0') return { state: 'failed', note: `exit ${exit}` };
  return result.isError ? { state: 'failed', note: 'failed' } : { state: 'done', note: '' };
}
