import { scriptConversation } from './scripted-conversation.ts';

/** What traffic could try in a page that shows it. `window.pwned` says that it worked. */
const ATTACKS = [
  '<script>window.pwned = 1</script>',
  '<img src=x onerror="window.pwned = 1">',
  '<svg onload="window.pwned = 1"><foreignObject><iframe src="javascript:window.pwned=1"></iframe></foreignObject></svg>',
  '<style>body { display: none }</style><form action="https://evil.example"><input name="a"><button>go</button></form>',
  '[run](javascript:window.pwned=1) [data](data:text/html,x) [file](file:///etc/passwd) [ok](https://example.com/a?b=1)',
  '![beacon](https://evil.example/pixel.png)',
  '<a href="https://evil.example" onclick="window.pwned=1">raw</a>',
  '<iframe srcdoc="<script>parent.pwned=1</script>"></iframe><object data="x"></object><meta http-equiv="refresh" content="0;url=https://evil.example">',
  '```html\n<img src=x onerror="window.pwned = 1">\n```',
  '`<b onmouseover=alert(1)>`',
  'invoice\u202egpj.exe and pass\u200bword',
  '<command-name>/compact</command-name>',
].join('\n\n');

const SVG = btoa('<svg xmlns="http://www.w3.org/2000/svg" onload="window.pwned=1"/>');
const PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

/** One turn in which everything a client can set is an attack. */
export const hostile = scriptConversation(
  '<img src=x onerror=alert(1)>\u202e',
  [
    {
      name: 'attack',
      preview: '<script>window.pwned = 1</script>\u202e',
      says: [
        {
          role: 'user',
          content: [
            { type: 'text', text: ATTACKS },
            { type: 'image', source: { type: 'base64', media_type: 'image/png', data: SVG } },
            { type: 'image', source: { type: 'base64', media_type: 'image/svg+xml', data: PNG } },
            { type: 'image', source: { type: 'url', url: 'https://evil.example/x.png' } },
          ],
        },
      ],
      reply: [
        { type: 'text', text: ATTACKS },
        {
          type: 'tool_use',
          id: 'toolu_<x>',
          name: 'Bash"><img src=x onerror=alert(1)>',
          input: { command: '<script>1</script>' },
        },
        {
          type: 'tool_use',
          id: 'toolu_b',
          name: 'Bash',
          input: { command: 'printf "\u001b]0;title\u0007"' },
        },
        { type: '<b>new</b>', payload: '<img src=x onerror=alert(1)>' },
      ],
      row: { error: '<img src=x onerror=alert(1)>' },
    },
  ],
  3,
);
