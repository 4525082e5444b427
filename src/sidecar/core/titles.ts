/** `"title": "…"` in a JSON answer; the end may be cut off, the beginning be a prefill that is not part of it. */
const TITLE = /"title"\s*:\s*"((?:[^"\\]|\\.)*)("?)/;

/**
 * The title in the answer to a client's title or topic call: `{"title":"…"}` or `{"isNewTopic":true,"title":"…"}`. null
 * for `null`, for an empty one and for any other text.
 */
export function titleIn(answer: string): string | null {
  const found = TITLE.exec(answer);
  if (found === null) return null;
  const [, text = '', closed] = found;
  const title = unescaped(text).trim();
  if (title === '') return null;
  return closed === '' ? `${title.replace(/…$/, '').trimEnd()}…` : title;
}

/** A text cut within an escape loses that. */
function unescaped(text: string): string {
  try {
    return String(JSON.parse(`"${text.replace(/[\u0000-\u001f]/g, ' ')}"`));
  } catch {
    return text.replace(/\\.?$/, '').replace(/\\(.)/g, '$1');
  }
}
