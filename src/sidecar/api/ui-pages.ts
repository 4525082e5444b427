/** The panels, by the name of their bundle, with the element it brings to life. */
export const PANELS = {
  conversations: 'nexus-app',
  requests: 'nexus-requests',
  storage: 'nexus-storage',
};

/** A panel's page in a browser: the same bundle as in VS Code; without a host it uses plain `fetch`. */
export function panelPage(nonce: string, panel: keyof typeof PANELS): string {
  return page(
    'Claude Nexus',
    `<link rel="stylesheet" href="/ui/assets/${panel}.css">
<script nonce="${nonce}" type="module" src="/ui/assets/${panel}.js"></script>`,
    `<${PANELS[panel]}></${PANELS[panel]}>`,
  );
}

/** Exchanges the code of the URL's fragment, or a typed key, for a session, and loads the page anew. */
export function loginPage(nonce: string): string {
  const script = `
const message = document.querySelector('output');
async function enter(proof) {
  const response = await fetch('/ui/session', {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(proof),
  });
  if (response.ok) location.replace(location.pathname + location.search);
  else message.textContent = 'code' in proof
    ? 'This link has been used or is older than a minute. Ask for a new one, or enter the key.'
    : 'That key is not the right one.';
}
const code = new URLSearchParams(location.hash.slice(1)).get('code');
if (code !== null) {
  history.replaceState(null, '', location.pathname + location.search);
  void enter({ code });
}
document.querySelector('form').addEventListener('submit', (event) => {
  event.preventDefault();
  void enter({ key: new FormData(event.target).get('key') });
});`;
  return page(
    'Claude Nexus: log in',
    `<style>
body { font: 14px/1.5 system-ui, sans-serif; display: grid; place-items: center; min-height: 90vh; margin: 0; }
form { display: grid; gap: 8px; width: min(320px, 90vw); }
</style>`,
    `<form><h1>Claude Nexus</h1>
<input name="username" value="dashboard" autocomplete="username" hidden>
<label for="key">Dashboard key</label>
<input id="key" name="key" type="password" autocomplete="current-password" required>
<button>Log in</button>
<output role="status"></output></form>
<script nonce="${nonce}">${script}</script>`,
  );
}

function page(title: string, head: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>${title}</title>
${head}
</head>
<body>
${body}
</body>
</html>
`;
}
