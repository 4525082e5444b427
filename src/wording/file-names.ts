/** `Fix the flaky test!` → `fix-the-flaky-test`: letters that every file system and header takes; `conversation` without any. */
function fileSlug(title: string): string {
  const words = title
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 60)
    .replace(/^-+|-+$/g, '');
  return words === '' ? 'conversation' : words;
}

/** The name a conversation's file begins with: two with the same title stay apart. */
export function conversationFile(title: string, conversationId: string): string {
  return `${fileSlug(title)}-${conversationId.slice(0, 8)}`;
}
