/**
 * Text of a file that may be read anywhere, a terminal included: without colour codes, other control characters and
 * those that turn the direction of what follows (`invoice<U+202E>gpj.exe`) as signs.
 */
export function printable(text: string): string {
  return text
    .replace(/\x1b\[[0-9;]*m/g, '')
    .replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]/g, '\ufffd')
    .replace(
      /[\u202a-\u202e\u2066-\u2069]/g,
      (character) => `[U+${character.charCodeAt(0).toString(16).toUpperCase()}]`,
    );
}
