/**
 * Text of a conversation as one plain line. It was written by others: control characters, line breaks and characters
 * that turn or hide text (bidi, zero width) become spaces, so that a title cannot pretend to be something else.
 */
export function oneLine(text: string): string {
  return text
    .replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\s]+/g, ' ')
    .trim();
}
