/** Blocks longer than this fold. */
export const FOLD_LINES = 12;
/** A folded text never shows more than this, however few lines it has: one line may be a megabyte. */
const FOLD_CHARACTERS = 4000;
/** An opened text stops here; the rest is in the editor. */
export const OPEN_CHARACTERS = 200_000;

export interface Fold {
  shown: string;
  /** Lines that are hidden; 0 when nothing is. */
  hidden: number;
}

/** Prose is what a reader came for: twice as many lines, and never a code block cut in two. */
export function foldMarkdown(text: string): Fold {
  const all = text.split('\n');
  let lines = 2 * FOLD_LINES;
  const fences = all.slice(0, lines).filter((line) => FENCE.test(line)).length;
  if (fences % 2 === 1) {
    const end = all.findIndex((line, index) => index >= lines && FENCE.test(line));
    const begin = all.slice(0, lines).findLastIndex((line) => FENCE.test(line));
    // A short block is shown whole, a long one not begun, unless the text begins with it.
    if (end !== -1 && end - begin <= FOLD_LINES + 3) lines = end + 1;
    else if (begin > 0) lines = begin;
  }
  return foldText(text, lines);
}

const FENCE = /^\s{0,3}(?:```|~~~)/;

/** Cuts a text to its first lines. A few lines more than the limit are not worth a button, so they stay. */
export function foldText(text: string, lines = FOLD_LINES): Fold {
  const all = text.split('\n');
  if (all.length <= lines + 3 && text.length <= FOLD_CHARACTERS) return { shown: text, hidden: 0 };
  const shown = all.slice(0, lines).join('\n').slice(0, FOLD_CHARACTERS);
  return { shown, hidden: Math.max(1, all.length - shown.split('\n').length) };
}
